// SiLU, `x · σ(x)` with `σ(x) = 1 / (1 + e^−x)` (Elfwing et al. 2018), also called swish.

/// `x · σ(x)` in 16 lanes: relative error below 6·10⁻⁷, absolute error below 10⁻³⁵ where that is larger.
@inline(__always)
func silu(_ x: Vector16) -> Vector16 { x * logistic(x).share }

/// Its derivative `σ(x) · (1 + x · σ(−x))`: absolute error below 4·10⁻⁷.
@inline(__always)
func siluSlope(_ x: Vector16) -> Vector16 {
  let (share, rest) = logistic(x)
  return share.addingProduct(x * share, rest)
}

/// `σ(x)` and `σ(−x)` in 16 lanes, from the exponential of −|x|, so that both keep their precision.
@inline(__always)
private func logistic(_ x: Vector16) -> (share: Vector16, rest: Vector16) {
  let one = Vector16(repeating: 1)
  let power = exponential(Vector16(repeating: 0) - x.magnitude)
  let larger = one / (one + power)
  let smaller = power * larger
  return (larger.kept(whereNotNegative: x, else: smaller), smaller.kept(whereNotNegative: x, else: larger))
}
