/// F(4, 3) with the points 0, 1, −1, 2, −2, ∞.
///
/// Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016).
enum F4K3: WinogradAlgorithm {
  @inline(__always) static var points: Int { 6 }
  @inline(__always) static var taps: Int { 3 }

  @inline(__always)
  static func input(_ d: Line, _ v: MutableLine) {
    let (d0, d1, d2, d3, d4, d5) = (d[0], d[1], d[2], d[3], d[4], d[5])
    v.set(0, d4.plus(d2, times: -5).plus(d0, times: 4))
    v.set(1, even: d4.plus(d2, times: -4), odd: d3.plus(d1, times: -4))
    v.set(3, even: d4 - d2, odd: (d3 - d1) * 2)
    v.set(5, d5.plus(d3, times: -5).plus(d1, times: 4))
  }

  @inline(__always)
  static func outputs(_ s: Line) -> Four {
    let (s0, s1, s2, s3, s4, s5) = (s[0], s[1], s[2], s[3], s[4], s[5])
    let even1 = s1 + s2
    let even2 = s3 + s4
    let odd1 = s1 - s2
    let odd2 = s3 - s4
    return Four(
      s0 + (even1 + even2), odd1.plus(odd2, times: 2), even1.plus(even2, times: 4), s5 + odd1.plus(odd2, times: 8))
  }

  @inline(__always)
  static func spread(_ z: Line, _ d: MutableLine) {
    let (z0, z1, z2, z3) = (z[0], z[1], z[2], z[3])
    d.set(0, z0)
    d.set(1, even: z0 + z2, odd: z1 + z3)
    d.set(3, even: z0.plus(z2, times: 4), odd: z1.plus(z3, times: 4) * 2)
    d.set(5, z3)
  }

  @inline(__always)
  static func kernel(_ w: Line, _ u: MutableLine) {
    let (w0, w1, w2) = (w[0], w[1], w[2])
    u.set(0, w0 * 0.25)
    u.set(1, even: (w0 + w2) * (-1 / 6), odd: w1 * (-1 / 6))
    u.set(3, even: w0.plus(w2, times: 4) * (1 / 24), odd: w1 * (1 / 12))
    u.set(5, w2)
  }

  @inline(__always)
  static func tapGradients(_ s: Line, _ w: some LineTarget) {
    let (s0, s1, s2, s3, s4, s5) = (s[0], s[1], s[2], s[3], s[4], s[5])
    let even1 = (s1 + s2) * (-1 / 6)
    let even2 = (s3 + s4) * (1 / 24)
    let odd1 = (s1 - s2) * (-1 / 6)
    let odd2 = (s3 - s4) * (1 / 12)
    w.set(0, (even1 + even2).plus(s0, times: 0.25))
    w.set(1, odd1 + odd2)
    w.set(2, s5 + even1.plus(even2, times: 4))
  }
}
