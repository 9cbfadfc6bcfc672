// GELU, `x · Φ(x)`, exact but for rounding (Hendrycks and Gimpel 2016). The C library's `erf` is not used: its results
// differ between processors.

/// `x · Φ(x)` in 16 lanes: relative error below 6·10⁻⁷, absolute error below 10⁻³⁷ where that is larger.
@inline(__always)
func gelu(_ x: Vector16) -> Vector16 { x * normalDistribution(x).share }

/// Its derivative `Φ(x) + x · φ(x)`: absolute error below 4·10⁻⁷.
@inline(__always)
func geluSlope(_ x: Vector16) -> Vector16 {
  let (share, bell) = normalDistribution(x)
  return share.addingProduct(x * bell, Vector16(repeating: 0.398942280))
}

/// `Φ(x)`, and `e^(−x²/2)`, in 16 lanes.
///
/// For a = |x|, `Φ(−a) = e^(−a²/2) · R(a)`; `R(a) / u` is a polynomial of degree 9 in `u = 1 / (1 + 0.3·a)`, fitted on
/// 0 ≤ a ≤ 13.5 to a relative error of 4·10⁻⁹. So both tails keep their precision. The square's rounding error, which is
/// relative in its exponential, is made up for. From a = 13.3 on the tail is 0, as `exponential` has no smaller numbers.
@inline(__always)
private func normalDistribution(_ x: Vector16) -> (share: Vector16, bell: Vector16) {
  let largest = Vector16(repeating: 14)
  let one = Vector16(repeating: 1)
  let magnitude = x.magnitude
  let a = magnitude.replacing(with: largest, where: magnitude .> largest)
  let square = a * a
  let rest = (Vector16(repeating: 0) - square).addingProduct(a, a)
  let half = Vector16(repeating: -0.5)
  let rounded = exponential(square * half)
  let bell = rounded.addingProduct(rounded, rest * half)
  let u = one / one.addingProduct(a, Vector16(repeating: 0.3))
  var p = Vector16(repeating: -0.0205947198)
  p = Vector16(repeating: 0.112273805).addingProduct(p, u)
  p = Vector16(repeating: -0.227818206).addingProduct(p, u)
  p = Vector16(repeating: 0.191234991).addingProduct(p, u)
  p = Vector16(repeating: -0.0789457113).addingProduct(p, u)
  p = Vector16(repeating: 0.0958879441).addingProduct(p, u)
  p = Vector16(repeating: 0.0784873813).addingProduct(p, u)
  p = Vector16(repeating: 0.110213347).addingProduct(p, u)
  p = Vector16(repeating: 0.119574621).addingProduct(p, u)
  p = Vector16(repeating: 0.119686536).addingProduct(p, u)
  let tail = p * u * bell
  return ((one - tail).kept(whereNotNegative: x, else: tail), bell)
}
