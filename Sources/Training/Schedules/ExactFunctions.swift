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

/// e to the power of x, within a few units in the last place; x in −700…700.
func exponential(_ x: Double) -> Double {
  precondition(x >= -700 && x <= 700, "e to the power of \(x) is no normal Double.")
  let power = (x / naturalLogarithmOfTwo).rounded()
  // The product with the first part is exact.
  let rest = (x - power * 0x1.62e42feep-1) - power * 1.9082149292705877e-10
  // 1 + r/1 · (1 + r/2 · (1 + …)) for |r| ≤ 0.35.
  var sum = 1.0
  for n in stride(from: 16, through: 1, by: -1) { sum = 1 + sum * rest / Double(n) }
  return Double(sign: .plus, exponent: Int(power), significand: sum)
}

/// The natural logarithm of a normal Double above 0: twice the series of the area tangent of (s − 1) / (s + 1), s being
/// the significand, and the exponent's multiple of log 2.
func logarithm(_ x: Double) -> Double {
  precondition(x.isNormal && x > 0, "\(x) has no logarithm here.")
  var (significand, exponent) = (x.significand, Double(x.exponent))
  if significand > 1.4142135623730951 { (significand, exponent) = (significand / 2, exponent + 1) }
  let z = (significand - 1) / (significand + 1)
  let square = z * z
  var sum = 0.0
  for n in stride(from: 23, through: 1, by: -2) { sum = sum * square + 1 / Double(n) }
  return exponent * naturalLogarithmOfTwo + 2 * z * sum
}

private let naturalLogarithmOfTwo = 0.6931471805599453
