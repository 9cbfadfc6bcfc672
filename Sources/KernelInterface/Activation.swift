/// A function of each value by itself; kernels compute it, and its gradient from `x` and that of the result.
package enum Activation: Hashable, Sendable {
  /// `max(x, 0)`, a NaN staying one; the gradient passes where `x > 0`, so not at exactly 0.
  case relu
  /// `min(max(x, 0), limit)`, a NaN staying one; the gradient passes where `0 < x < limit`.
  case clippedReLU(limit: Float)
  /// `x < 0 ? slope · x : x`; the gradient is multiplied by the slope where x is not above 0.
  case leakyReLU(slope: Float)
  /// `x · Φ(x)`, Φ being the distribution function of the standard normal distribution; a value that is not finite may
  /// become NaN.
  case gelu
  /// `x · σ(x)`, `σ(x) = 1 / (1 + e^−x)`; a value that is not finite may become NaN.
  case silu
}
