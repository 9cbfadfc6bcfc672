/// A ReLU that a layer applies to its own output: `min(max(z, 0), limit)`, a NaN staying one.
///
/// The gradient passes where `0 < output < limit`; whoever computes the output's gradient masks it so.
package struct FusedReLU: Hashable, Sendable {
  /// Infinite where there is none; above 0.
  package var limit: Float

  package init(limit: Float = .infinity) { self.limit = limit }

  /// Without a limit, `max(z, 0)`.
  package static let unlimited = FusedReLU()

  /// The gradient passes where an output's bits, less 1 and taken without sign, are below this: those of positive floats
  /// ascend with them, and all others come out larger. Without a limit, infinity and NaNs without a sign pass, too.
  package var passBound: UInt32 { limit == .infinity ? UInt32(Int32.max) : limit.bitPattern - 1 }

  /// The same as an activation by itself.
  package var activation: Activation { limit == .infinity ? .relu : .clippedReLU(limit: limit) }
}
