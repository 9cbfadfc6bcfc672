// Functions of the C library differ between machines in the last bit; these are sums, products and quotients alone.

/// `base` to the power of `exponent` ≥ 0 by repeated squaring.
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

/// The number in (0, 1] whose power with the exponent `degree` is `value`, itself in (0, 1]: Newton's method from above.
func root(_ degree: Int, of value: Double) -> Double {
  precondition(degree >= 1 && value > 0 && value <= 1, "There is no root \(degree) of \(value) here.")
  if degree == 1 { return value }
  var root = 1.0
  for _ in 0..<1000 {
    let next = root - root * (1 - value / power(root, degree)) / Double(degree)
    guard next < root else { break }
    root = next
  }
  return root
}

/// cos(π · x) for x in [0, 1], within 2⁻⁵² of it: the series of cosine below 1/4, that of sine above.
func cosineOfPi(_ x: Double) -> Double {
  precondition(x >= 0 && x <= 1, "The cosine is taken between 0 and π, not at \(x) · π.")
  if x > 0.5 { return -cosineOfPi(1 - x) }
  let isSine = x > 0.25
  let angle = (isSine ? 0.5 - x : x) * Double.pi
  let square = angle * angle
  // 1 − a²/(1·2) · (1 − a²/(3·4) · …), and one degree more, times a, for the sine.
  var sum = 1.0
  for n in stride(from: 18, through: 2, by: -2) {
    sum = 1 - sum * square / Double(isSine ? n * (n + 1) : n * (n - 1))
  }
  return isSine ? angle * sum : sum
}
