/// What a register tile does with its finished sums.
package enum Epilogue: Sendable {
  /// `out = sum`
  case store
  /// `out = out + sum`, the sum started from `out` itself: blocking over the summed index.
  case accumulate
  /// `out = out + sum`, the sum started from 0: a node of the shard tree.
  case add
  /// `out = sum + bias[lane]`
  case bias
  /// `out = relu(sum + bias[lane])`
  case biasReLU
  /// `out = sum` where the layer below's ReLU lets the gradient of its output `mask` pass, else 0.
  case reluGradient
}

/// One family of sums: `out[r, lane] = Σ_o Σ_m Σ_i a[aOffset(r) + o·aOuter + m·aMiddle + i·aInner] · b[o·bOuter + …, lane]`.
///
/// Forward, input-gradient and weight-gradient passes of convolutions and fully connected layers, and the batched
/// products of Winograd's method, are all such sums; they differ in strides only. Order of summation: outer, middle,
/// inner index ascending, one fused multiply-add each, starting from 0; lanes are never summed over, so the vector
/// width of a build cannot change a bit.
///
/// `b` and `out` hold lanes in blocks of 32, with one block of 16 at the end if `lanes` is not a multiple of 32
/// (`lanes` itself is a multiple of 16). Lane blocks of `b` lie `bBlock` floats apart, those of `out` `outBlock`.
package struct TileSum {
  /// Rows of the result, any number.
  package var rows: Int = 0
  /// Results per row, a multiple of 16.
  package var lanes: Int = 0

  package var a: UnsafePointer<Float>
  /// Offset of each row in `a`, `rows` values.
  package var aOffsets: UnsafePointer<Int32>
  package var b: UnsafePointer<Float>
  package var out: UnsafeMutablePointer<Float>
  /// Offset of each row in `out`, `rows` values.
  package var outOffsets: UnsafePointer<Int32>

  package var outer: Int = 1
  package var middle: Int = 1
  package var inner: Int = 1
  package var aOuter: Int = 0
  package var aMiddle: Int = 0
  package var aInner: Int = 1
  package var bOuter: Int = 0
  package var bMiddle: Int = 0
  package var bInner: Int = 32
  /// Floats from one block of 32 lanes to the next, in `b` and in `out`.
  package var bBlock: Int = 32
  package var outBlock: Int = 32

  /// Terms of a long sum in one row that are taken at a time, see `BlockSizes`; changes no bit.
  package var termsPerBlock: Int = 128
  package var epilogue: Epilogue = .store
  /// `lanes` values, for `bias` and `biasReLU`.
  package var bias: UnsafePointer<Float>?
  /// Which ReLU, for `biasReLU` and `reluGradient`.
  package var relu = FusedReLU.unlimited
  /// For `reluGradient`: the output that decides, lanes contiguous, blocks 32 apart.
  package var mask: UnsafePointer<Float>?
  package var maskOffsets: UnsafePointer<Int32>?

  /// Memory that someone will soon read or write, and how much of it: it is prefetched in between, as far as that costs the sums
  /// nothing. Changes no bit; may be any address.
  package var ahead: UnsafePointer<Float>?
  package var aheadFloats: Int = 0

  package init(
    a: UnsafePointer<Float>, aOffsets: UnsafePointer<Int32>, b: UnsafePointer<Float>,
    out: UnsafeMutablePointer<Float>, outOffsets: UnsafePointer<Int32>
  ) {
    self.a = a
    self.aOffsets = aOffsets
    self.b = b
    self.out = out
    self.outOffsets = outOffsets
  }

  /// Merges two loops if the next turn of the outer one starts where the inner one ends, or if one of them has one turn:
  /// the same terms in the same order.
  package mutating func mergeLoops() {
    guard outer > 0, middle > 0, inner > 0 else { return }
    for _ in 0..<2 {
      if inner == 1 {
        (inner, aInner, bInner) = (middle, aMiddle, bMiddle)
      } else if middle == 1 || (aMiddle == inner * aInner && bMiddle == inner * bInner) {
        inner *= middle
      } else {
        return
      }
      (middle, aMiddle, bMiddle) = (outer, aOuter, bOuter)
      outer = 1
    }
  }
}
