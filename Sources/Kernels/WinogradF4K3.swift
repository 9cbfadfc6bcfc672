/// F(4, 3) with the points 0, 1, −1, ½, −2, ∞: half the error of 0, ±1, ±2, ∞.
///
/// ½ and −2 are the roots of x² + 1.5x − 1, so their rows share what they are made of, as those of ±1 do.
///
/// Sources: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016); the points: Barabasz, Anderson,
/// Soodhalter and Gregg, "Error Analysis and Improving the Accuracy of Winograd Convolution" (2020).
enum F4K3: WinogradAlgorithm {
  @inline(__always) static var points: Int { 6 }
  @inline(__always) static var taps: Int { 3 }

  @inline(__always)
  static func input(_ d: Line) -> Line {
    let even = d.v4 - d.v2
    let odd = d.v3 - d.v1
    let (even1, odd1) = (even.plus(d.v3, times: 1.5), odd.plus(d.v2, times: 1.5))
    return Line(
      (even + (d.v0 - d.v2)).plus(odd, times: 1.5), even1 + odd1, even1 - odd1, even.plus(odd, times: 2),
      even.plus(odd, times: -0.5), ((d.v5 - d.v3) - odd).plus(even, times: 1.5))
  }

  @inline(__always)
  static func outputs(_ s: Line) -> Line {
    let even = s.v1 + s.v2
    let odd = s.v1 - s.v2
    return Line(
      (s.v0 + even) + (s.v3 + s.v4), odd.plus(s.v3, times: 0.5).plus(s.v4, times: -2),
      even.plus(s.v3, times: 0.25).plus(s.v4, times: 4), (s.v5 + odd).plus(s.v3, times: 0.125).plus(s.v4, times: -8))
  }

  @inline(__always)
  static func spread(_ z: Line) -> Line {
    let (even, odd) = (z.v0 + z.v2, z.v1 + z.v3)
    return Line(
      z.v0, even + odd, even - odd, z.v0.plus(z.v2, times: 0.25).plus(z.v1.plus(z.v3, times: 0.25), times: 0.5),
      z.v0.plus(z.v2, times: 4).plus(z.v1.plus(z.v3, times: 4), times: -2), z.v3)
  }

  @inline(__always)
  static func kernel(_ w: Line) -> Line {
    let (even, odd) = (w.v1 * (1 / 3), (w.v0 + w.v2) * (1 / 3))
    return Line(
      w.v0, even + odd, even - odd, w.v0.plus(w.v1, times: 0.5).plus(w.v2, times: 0.25) * (-16 / 15),
      w.v0.plus(w.v1, times: -2).plus(w.v2, times: 4) * (1 / 15), w.v2)
  }

  @inline(__always)
  static func tapGradients(_ s: Line) -> Line {
    let even = (s.v1 - s.v2) * (1 / 3)
    let odd = (s.v1 + s.v2) * (1 / 3)
    let half = s.v3 * (-16 / 15)
    let two = s.v4 * (1 / 15)
    return Line(
      (s.v0 + even) + (half + two), odd.plus(half, times: 0.5).plus(two, times: -2),
      (s.v5 + even).plus(half, times: 0.25).plus(two, times: 4))
  }
}
