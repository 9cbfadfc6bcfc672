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
  static func input(_ d: Line, _ v: MutableLine) {
    let (d0, d1, d2, d3, d4, d5) = (d[0], d[1], d[2], d[3], d[4], d[5])
    let even = d4 - d2
    let odd = d3 - d1
    v.set(0, (even + (d0 - d2)).plus(odd, times: 1.5))
    v.set(1, even: even.plus(d3, times: 1.5), odd: odd.plus(d2, times: 1.5))
    v.set(3, even.plus(odd, times: 2))
    v.set(4, even.plus(odd, times: -0.5))
    v.set(5, ((d5 - d3) - odd).plus(even, times: 1.5))
  }

  @inline(__always)
  static func outputs(_ s: Line) -> Four {
    let (s0, s1, s2, s3, s4, s5) = (s[0], s[1], s[2], s[3], s[4], s[5])
    let even = s1 + s2
    let odd = s1 - s2
    return Four(
      (s0 + even) + (s3 + s4), odd.plus(s3, times: 0.5).plus(s4, times: -2),
      even.plus(s3, times: 0.25).plus(s4, times: 4), (s5 + odd).plus(s3, times: 0.125).plus(s4, times: -8))
  }

  @inline(__always)
  static func spread(_ z: Line, _ d: MutableLine) {
    let (z0, z1, z2, z3) = (z[0], z[1], z[2], z[3])
    d.set(0, z0)
    d.set(1, even: z0 + z2, odd: z1 + z3)
    d.set(3, z0.plus(z2, times: 0.25).plus(z1.plus(z3, times: 0.25), times: 0.5))
    d.set(4, z0.plus(z2, times: 4).plus(z1.plus(z3, times: 4), times: -2))
    d.set(5, z3)
  }

  @inline(__always)
  static func kernel(_ w: Line, _ u: MutableLine) {
    let (w0, w1, w2) = (w[0], w[1], w[2])
    u.set(0, w0)
    u.set(1, even: w1 * (1 / 3), odd: (w0 + w2) * (1 / 3))
    u.set(3, w0.plus(w1, times: 0.5).plus(w2, times: 0.25) * (-16 / 15))
    u.set(4, w0.plus(w1, times: -2).plus(w2, times: 4) * (1 / 15))
    u.set(5, w2)
  }

  @inline(__always)
  static func tapGradients(_ s: Line, _ w: some LineTarget) {
    let (s0, s1, s2, s3, s4, s5) = (s[0], s[1], s[2], s[3], s[4], s[5])
    let even = (s1 - s2) * (1 / 3)
    let odd = (s1 + s2) * (1 / 3)
    let half = s3 * (-16 / 15)
    let two = s4 * (1 / 15)
    w.set(0, (s0 + even) + (half + two))
    w.set(1, odd.plus(half, times: 0.5).plus(two, times: -2))
    w.set(2, (s5 + even).plus(half, times: 0.25).plus(two, times: 4))
  }
}
