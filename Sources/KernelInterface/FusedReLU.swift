/// A ReLU that a layer applies to its own output: `min(max(z, 0), limit)`, a NaN staying one.
///
/// The gradient passes where `0 < output < limit`; whoever computes the output's gradient masks it so.
package struct FusedReLU: Hashable, Sendable {
  /// Infinite where there is none; above 0.
  package let limit: Float
  /// The gradient passes where an output's bits plus the largest integer, wrapping around, are below this: so those of
  /// positive floats ascend with them from the least integer on, and all others come out larger. Without a limit, infinity
  /// and NaNs without a sign pass, too.
  package let passBound: Int32

  package init(limit: Float = .infinity) {
    self.limit = limit
    // Worked out once: kernels read it for every vector.
    passBound = limit == .infinity ? -1 : Int32(bitPattern: limit.bitPattern) &+ Int32.max
  }

  /// Without a limit, `max(z, 0)`.
  package static let unlimited = FusedReLU()

  /// Whether there is no limit; an integer's comparison, since kernels ask often.
  package var isUnlimited: Bool { passBound == -1 }

  /// The same as an activation by itself.
  package var activation: Activation { limit == .infinity ? .relu : .clippedReLU(limit: limit) }
}
