/// `base` to the power of `exponent` ≥ 0 by repeated squaring: products alone, so the same bits on every machine.
func power(_ base: Double, _ exponent: Int) -> Double {
  precondition(exponent >= 0, "There is no power with the exponent \(exponent) here.")
  var (result, square, rest) = (1.0, base, exponent)
  while rest > 0 {
    if rest & 1 == 1 { result *= square }
    square *= square
    rest >>= 1
  }
  return result
}
