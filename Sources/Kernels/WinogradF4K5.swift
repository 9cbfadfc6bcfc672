/// F(4, 5) with the points 0, 1, −1, 2, −2, ½, −½, ∞.
///
/// Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), by the same construction.
enum F4K5: WinogradAlgorithm {
  @inline(__always) static var points: Int { 8 }
  @inline(__always) static var taps: Int { 5 }

  @inline(__always)
  static func input(_ d: Line, _ v: MutableLine) {
    let (d0, d1, d2, d3, d4, d5, d6, d7) = (d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7])
    v.set(0, (d6 - d0).plus(d2 - d4, times: 5.25))
    v.set(1, even: (d2 + d6).plus(d4, times: -4.25), odd: (d1 + d5).plus(d3, times: -4.25))
    v.set(
      3, even: d6.plus(d2, times: 0.25).plus(d4, times: -1.25),
      odd: (d1 * 0.5).plus(d3, times: -2.5).plus(d5, times: 2))
    v.set(
      5, even: d6.plus(d2, times: 4).plus(d4, times: -5), odd: (d5 * 0.5).plus(d3, times: -2.5).plus(d1, times: 2))
    v.set(7, (d7 - d1).plus(d3 - d5, times: 5.25))
  }

  @inline(__always)
  static func outputs(_ s: Line) -> Four {
    let (s1, s2, s3, s4, s5, s6) = (s[1], s[2], s[3], s[4], s[5], s[6])
    let even1 = s1 + s2
    let even2 = s3 + s4
    let even3 = s5 + s6
    let odd1 = s1 - s2
    let odd2 = s3 - s4
    let odd3 = s5 - s6
    return Four(
      s[0] + (even1 + (even2 + even3)), odd1.plus(odd2, times: 2).plus(odd3, times: 0.5),
      even1.plus(even2, times: 4).plus(even3, times: 0.25),
      s[7] + odd1.plus(odd2, times: 8).plus(odd3, times: 0.125))
  }

  @inline(__always)
  static func spread(_ z: Line, _ d: MutableLine) {
    let (z0, z1, z2, z3) = (z[0], z[1], z[2], z[3])
    d.set(0, z0)
    d.set(1, even: z0 + z2, odd: z1 + z3)
    d.set(3, even: z0.plus(z2, times: 4), odd: z1.plus(z3, times: 4) * 2)
    d.set(5, even: z0.plus(z2, times: 0.25), odd: z1.plus(z3, times: 0.25) * 0.5)
    d.set(7, z3)
  }

  @inline(__always)
  static func kernel(_ w: Line, _ u: MutableLine) {
    let (w0, w1, w2, w3, w4) = (w[0], w[1], w[2], w[3], w[4])
    u.set(0, w0 * -1)
    u.set(1, even: (w0 + w2 + w4) * (-2 / 9), odd: (w1 + w3) * (-2 / 9))
    u.set(
      3, even: w0.plus(w2, times: 4).plus(w4, times: 16) * (1 / 90), odd: w1.plus(w3, times: 4) * (1 / 45))
    u.set(
      5, even: w4.plus(w2, times: 4).plus(w0, times: 16) * (2 / 45), odd: w3.plus(w1, times: 4) * (4 / 45))
    u.set(7, w4)
  }

  @inline(__always)
  static func tapGradients(_ s: Line, _ w: some LineTarget) {
    let (s1, s2, s3, s4, s5, s6) = (s[1], s[2], s[3], s[4], s[5], s[6])
    let even1 = (s1 + s2) * (-2 / 9)
    let even2 = (s3 + s4) * (1 / 90)
    let even3 = (s5 + s6) * (2 / 45)
    let odd1 = (s1 - s2) * (-2 / 9)
    let odd2 = (s3 - s4) * (1 / 45)
    let odd3 = (s5 - s6) * (4 / 45)
    w.set(0, (even1 + even2).plus(even3, times: 16) - s[0])
    w.set(1, (odd1 + odd2).plus(odd3, times: 4))
    w.set(2, even1.plus(even2 + even3, times: 4))
    w.set(3, (odd1 + odd3).plus(odd2, times: 4))
    w.set(4, (s[7] + even1 + even3).plus(even2, times: 16))
  }
}
