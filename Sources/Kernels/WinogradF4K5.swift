/// F(4, 5) with the points 0, 1, −1, 2, −2, ½, −½, ∞.
///
/// Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), by the same construction.
enum F4K5: WinogradAlgorithm {
  @inline(__always) static var points: Int { 8 }
  @inline(__always) static var taps: Int { 5 }

  @inline(__always)
  static func input(_ d: Line) -> Line {
    let even1 = (d.v2 + d.v6).plus(d.v4, times: -4.25)
    let odd1 = (d.v1 + d.v5).plus(d.v3, times: -4.25)
    let even2 = d.v6.plus(d.v2, times: 0.25).plus(d.v4, times: -1.25)
    let odd2 = (d.v1 * 0.5).plus(d.v3, times: -2.5).plus(d.v5, times: 2)
    let even3 = d.v6.plus(d.v2, times: 4).plus(d.v4, times: -5)
    let odd3 = (d.v5 * 0.5).plus(d.v3, times: -2.5).plus(d.v1, times: 2)
    return Line(
      (d.v6 - d.v0).plus(d.v2 - d.v4, times: 5.25), even1 + odd1, even1 - odd1, even2 + odd2, even2 - odd2,
      even3 + odd3, even3 - odd3, (d.v7 - d.v1).plus(d.v3 - d.v5, times: 5.25))
  }

  @inline(__always)
  static func outputs(_ s: Line) -> Line {
    let even1 = s.v1 + s.v2
    let even2 = s.v3 + s.v4
    let even3 = s.v5 + s.v6
    let odd1 = s.v1 - s.v2
    let odd2 = s.v3 - s.v4
    let odd3 = s.v5 - s.v6
    return Line(
      s.v0 + (even1 + (even2 + even3)), odd1.plus(odd2, times: 2).plus(odd3, times: 0.5),
      even1.plus(even2, times: 4).plus(even3, times: 0.25),
      s.v7 + odd1.plus(odd2, times: 8).plus(odd3, times: 0.125))
  }

  @inline(__always)
  static func spread(_ z: Line) -> Line {
    let (even1, odd1) = (z.v0 + z.v2, z.v1 + z.v3)
    let (even2, odd2) = (z.v0.plus(z.v2, times: 4), z.v1.plus(z.v3, times: 4) * 2)
    let (even3, odd3) = (z.v0.plus(z.v2, times: 0.25), z.v1.plus(z.v3, times: 0.25) * 0.5)
    return Line(
      z.v0, even1 + odd1, even1 - odd1, even2 + odd2, even2 - odd2, even3 + odd3, even3 - odd3, z.v3)
  }

  @inline(__always)
  static func kernel(_ w: Line) -> Line {
    let (even1, odd1) = ((w.v0 + w.v2 + w.v4) * (-2 / 9), (w.v1 + w.v3) * (-2 / 9))
    let even2 = w.v0.plus(w.v2, times: 4).plus(w.v4, times: 16) * (1 / 90)
    let odd2 = w.v1.plus(w.v3, times: 4) * (1 / 45)
    let even3 = w.v4.plus(w.v2, times: 4).plus(w.v0, times: 16) * (2 / 45)
    let odd3 = w.v3.plus(w.v1, times: 4) * (4 / 45)
    return Line(
      w.v0 * -1, even1 + odd1, even1 - odd1, even2 + odd2, even2 - odd2, even3 + odd3, even3 - odd3, w.v4)
  }

  @inline(__always)
  static func tapGradients(_ s: Line) -> Line {
    let even1 = (s.v1 + s.v2) * (-2 / 9)
    let even2 = (s.v3 + s.v4) * (1 / 90)
    let even3 = (s.v5 + s.v6) * (2 / 45)
    let odd1 = (s.v1 - s.v2) * (-2 / 9)
    let odd2 = (s.v3 - s.v4) * (1 / 45)
    let odd3 = (s.v5 - s.v6) * (4 / 45)
    return Line(
      (even1 + even2).plus(even3, times: 16) - s.v0, (odd1 + odd2).plus(odd3, times: 4),
      even1.plus(even2 + even3, times: 4), (odd1 + odd3).plus(odd2, times: 4),
      (s.v7 + even1 + even3).plus(even2, times: 16))
  }
}
