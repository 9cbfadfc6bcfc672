/// The z with Φ(z) = `p`, for 0 < p < 1; relative error about 1e-16.
///
/// Only + − × ÷ √ in a fixed order, which IEEE 754 rounds alike everywhere: no C library, whose results differ.
/// Exactly odd about p = ½ where 1 − p is exact. Source: M. J. Wichura, "Algorithm AS 241: The Percentage Points of
/// the Normal Distribution", Applied Statistics 37 (1988), routine PPND16.
package func inverseNormal(_ p: Double) -> Double {
  assert(p > 0 && p < 1, "The normal distribution has no quantile at \(p).")
  let q: Double = p - 0.5
  if q.magnitude <= 0.425 {
    let r: Double = 0.180625 - q * q
    return q * rational(r, centreNumerator, centreDenominator)
  }
  let tail: Double = (-naturalLogarithm(q < 0 ? p : 1 - p)).squareRoot()
  let magnitude: Double =
    tail <= 5
    ? rational(tail - 1.6, nearTailNumerator, nearTailDenominator)
    : rational(tail - 5, farTailNumerator, farTailDenominator)
  return q < 0 ? -magnitude : magnitude
}

/// `inverseNormal` of four probabilities, the same bits: those near ½ together, the others one by one.
func inverseNormal(_ p: SIMD4<Double>) -> SIMD4<Double> {
  let q: SIMD4<Double> = p - 0.5
  let r: SIMD4<Double> = 0.180625 - q * q
  var above: SIMD4<Double> = SIMD4(repeating: centreNumerator[7])
  var below: SIMD4<Double> = SIMD4(repeating: centreDenominator[7])
  for i in 1...7 {
    above = above * r + SIMD4(repeating: centreNumerator[7 &- i])
    below = below * r + SIMD4(repeating: centreDenominator[7 &- i])
  }
  var results: SIMD4<Double> = q * (above / below)
  for lane in 0..<4 where q[lane].magnitude > 0.425 { results[lane] = inverseNormal(p[lane]) }
  return results
}

/// The natural logarithm of a positive normal `x`; relative error below 1e-15, about 1 ulp away from x = 1.
///
/// x = m·2ᵉ with m in [1/√2, √2), s = (m − 1)/(m + 1), ln m = 2·(s + s³/3 + s⁵/5 + …); |s| ≤ 0.1716, so the first
/// term left out, s²⁵/25, is below 3e-21. ln 2 is split so that e·(its upper part) is exact, as in FDLIBM.
package func naturalLogarithm(_ x: Double) -> Double {
  assert(x.isNormal && x > 0, "The logarithm is for positive normal numbers, not \(x).")
  var exponent = Int(truncatingIfNeeded: x.bitPattern &>> 52) &- 1023
  var m = Double(bitPattern: x.bitPattern & 0x000F_FFFF_FFFF_FFFF | 0x3FF0_0000_0000_0000)
  if m >= 1.4142135623730951 {
    m *= 0.5
    exponent &+= 1
  }
  let s: Double = (m - 1) / (m + 1)
  let z = s * s
  var series: Double = 1.0 / 23.0
  series = series * z + 1.0 / 21.0
  series = series * z + 1.0 / 19.0
  series = series * z + 1.0 / 17.0
  series = series * z + 1.0 / 15.0
  series = series * z + 1.0 / 13.0
  series = series * z + 1.0 / 11.0
  series = series * z + 1.0 / 9.0
  series = series * z + 1.0 / 7.0
  series = series * z + 1.0 / 5.0
  series = series * z + 1.0 / 3.0
  let e = Double(exponent)
  return e * 6.93147180369123816490e-01 + (2 * s + (2 * s * (z * series) + e * 1.90821492927058770002e-10))
}

/// Eight coefficients of a polynomial, constant term first.
private typealias Coefficients = SIMD8<Double>

/// The quotient of two polynomials of degree 7 by Horner's rule.
private func rational(_ r: Double, _ numerator: Coefficients, _ denominator: Coefficients) -> Double {
  var above: Double = numerator[7]
  var below: Double = denominator[7]
  for i in 1...7 {
    above = above * r + numerator[7 &- i]
    below = below * r + denominator[7 &- i]
  }
  return above / below
}

// AS 241's tables A/B (|p − ½| ≤ 0.425), C/D (tail ≤ 5) and E/F (tail > 5); computed properties, so that the compiler sees constants.
@inline(__always)
private var centreNumerator: Coefficients {
  SIMD8(
    3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3)
}
@inline(__always)
private var centreDenominator: Coefficients {
  SIMD8(
    1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
    2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3)
}
@inline(__always)
private var nearTailNumerator: Coefficients {
  SIMD8(
    1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
    1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4)
}
@inline(__always)
private var nearTailDenominator: Coefficients {
  SIMD8(
    1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
    1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9)
}
@inline(__always)
private var farTailNumerator: Coefficients {
  SIMD8(
    6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7)
}
@inline(__always)
private var farTailDenominator: Coefficients {
  SIMD8(
    1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
    7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15)
}
