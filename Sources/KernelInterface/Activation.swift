/// A function of each value by itself; kernels compute it, and its gradient from `x` and that of the result.
package enum Activation: Hashable, Sendable {
  /// `max(x, 0)`, a NaN staying one; the gradient passes where `x > 0`, so not at exactly 0.
  case relu
  /// `x < 0 ? slope · x : x`; the gradient is multiplied by the slope where x is not above 0.
  case leakyReLU(slope: Float)
}
