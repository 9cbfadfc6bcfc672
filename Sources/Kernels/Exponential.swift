/// `e^x` in 16 lanes; below −87.3 the result is 0, above 88.37 it is the value there: 2¹²⁸ is not a Float. That of a NaN is one.
///
/// Range reduction `x = n·ln 2 + r` with ln 2 in two parts, then a polynomial of degree 6 in r (Cephes' `expf`
/// coefficients), scaled by 2^n through the exponent bits. Relative error below 2 units in the last place. The C
/// library's function is not used: its results differ between processors.
@inline(__always)
func exponential(_ x: Vector16) -> Vector16 {
  let smallest = Vector16(repeating: -87.3)
  let isSmaller = x .< smallest
  let largest = Vector16(repeating: 88.37)
  let clamped = x.replacing(with: smallest, where: isSmaller).replacing(with: largest, where: x .> largest)
  // Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low bits.
  let magic = Vector16(repeating: 12_582_912)
  let rounded = magic.addingProduct(clamped, Vector16(repeating: 1.44269504))
  let n = rounded - magic
  var r = clamped.addingProduct(n, Vector16(repeating: -0.693359375))
  r = r.addingProduct(n, Vector16(repeating: 2.12194440e-4))
  var p = Vector16(repeating: 1.9875691500e-4)
  p = Vector16(repeating: 1.3981999507e-3).addingProduct(p, r)
  p = Vector16(repeating: 8.3334519073e-3).addingProduct(p, r)
  p = Vector16(repeating: 4.1665795894e-2).addingProduct(p, r)
  p = Vector16(repeating: 1.6666665459e-1).addingProduct(p, r)
  p = Vector16(repeating: 5.0000001201e-1).addingProduct(p, r)
  p = (r + 1).addingProduct(p, r * r)
  return p.scaled(byRounded: rounded, magic: magic).replacing(with: Vector16(repeating: 0), where: isSmaller)
}

/// Natural logarithm of a positive normal Float, computed in Double and rounded once.
///
/// `x = 2^k·f` with f in [√½, √2); `ln f = 2·atanh(s)`, `s = (f − 1)/(f + 1)`, by its odd series to s¹⁹.
func logarithm(_ x: Float) -> Float {
  let bits = Double(x).bitPattern
  var k = Int(bits >> 52) - 1023
  var f = Double(bitPattern: (bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000)
  if f > 1.4142135623730951 {
    f *= 0.5
    k += 1
  }
  let s = (f - 1) / (f + 1)
  let z = s * s
  var series = 1.0 / 19
  series = series * z + 1.0 / 17
  series = series * z + 1.0 / 15
  series = series * z + 1.0 / 13
  series = series * z + 1.0 / 11
  series = series * z + 1.0 / 9
  series = series * z + 1.0 / 7
  series = series * z + 1.0 / 5
  series = series * z + 1.0 / 3
  series = series * z + 1
  return Float(Double(k) * 0.6931471805599453 + 2 * s * series)
}
