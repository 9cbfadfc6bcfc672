/// The one-dimensional transforms of one algorithm: m outputs, r taps, m + r − 1 = 6.
///
/// Every transform is lane by lane in a fixed order, so it gives the same bits at any vector width.
protocol WinogradAlgorithm {
  associatedtype Outputs: WinogradLine
  associatedtype Taps: WinogradLine
  static var m: Int { get }
  static var r: Int { get }
  /// `Aᵀs`: six products to m outputs.
  static func outputs(_ s: Six) -> Outputs
  /// The second half of `Aᵀ·M·A`: six columns of m to m rows of m, into `sink`.
  static func write<E: OutputEpilogue>(
    _ columns: (Outputs, Outputs, Outputs, Outputs, Outputs, Outputs), to sink: OutputSink<E>)
  /// `A·z`: m output gradients to six.
  static func spread(_ z: Outputs) -> Six
  /// `G·w`: r taps to six.
  static func kernel(_ w: Taps) -> Six
  /// `Gᵀs`: six sums to r tap gradients.
  static func taps(_ s: Six) -> Taps
}

/// F(4×4, 3×3).
enum F4x4K3: WinogradAlgorithm {
  @inline(__always) static var m: Int { 4 }
  @inline(__always) static var r: Int { 3 }

  @inline(__always)
  static func outputs(_ s: Six) -> Four {
    let sum1 = s.v1 + s.v2
    let sum2 = s.v3 + s.v4
    let difference1 = s.v1 - s.v2
    let difference2 = s.v3 - s.v4
    return Four(
      s.v0 + (sum1 + sum2), difference1.plus(difference2, times: 2), sum1.plus(sum2, times: 4),
      s.v5 + difference1.plus(difference2, times: 8))
  }

  @inline(__always)
  static func spread(_ z: Four) -> Six {
    let even1 = z.v0 + z.v2
    let odd1 = z.v1 + z.v3
    let even2 = z.v0.plus(z.v2, times: 4)
    let odd2 = z.v1.plus(z.v3, times: 4)
    return Six(
      z.v0, even1 + odd1, even1 - odd1, even2.plus(odd2, times: 2), even2.plus(odd2, times: -2), z.v3)
  }

  @inline(__always)
  static func kernel(_ w: Three) -> Six {
    let even1 = w.v0 + w.v2
    let even2 = w.v0.plus(w.v2, times: 4)
    return Six(
      w.v0 * 0.25, (even1 + w.v1) * (-1 / 6), (even1 - w.v1) * (-1 / 6), even2.plus(w.v1, times: 2) * (1 / 24),
      even2.plus(w.v1, times: -2) * (1 / 24), w.v2)
  }

  @inline(__always)
  static func taps(_ s: Six) -> Three {
    let sum1 = (s.v1 + s.v2) * (-1 / 6)
    let sum2 = (s.v3 + s.v4) * (1 / 24)
    let difference1 = (s.v1 - s.v2) * (-1 / 6)
    let difference2 = (s.v3 - s.v4) * (1 / 12)
    return Three(
      (sum1 + sum2).plus(s.v0, times: 0.25), difference1 + difference2, s.v5 + sum1.plus(sum2, times: 4))
  }
}

/// F(2×2, 5×5).
enum F2x2K5: WinogradAlgorithm {
  @inline(__always) static var m: Int { 2 }
  @inline(__always) static var r: Int { 5 }

  @inline(__always)
  static func outputs(_ s: Six) -> Two {
    Two(
      s.v0 + ((s.v1 + s.v2) + (s.v3 + s.v4)), s.v5 + (s.v1 - s.v2).plus(s.v3 - s.v4, times: 2))
  }

  @inline(__always)
  static func spread(_ z: Two) -> Six {
    Six(z.v0, z.v0 + z.v1, z.v0 - z.v1, z.v0.plus(z.v1, times: 2), z.v0.plus(z.v1, times: -2), z.v1)
  }

  @inline(__always)
  static func kernel(_ w: Five) -> Six {
    let even1 = w.v0 + (w.v2 + w.v4)
    let odd1 = w.v1 + w.v3
    let even2 = w.v0.plus(w.v2, times: 4).plus(w.v4, times: 16)
    let odd2 = (w.v1 * 2).plus(w.v3, times: 8)
    return Six(
      w.v0 * 0.25, (even1 + odd1) * (-1 / 6), (even1 - odd1) * (-1 / 6), (even2 + odd2) * (1 / 24),
      (even2 - odd2) * (1 / 24), w.v4)
  }

  @inline(__always)
  static func taps(_ s: Six) -> Five {
    let sum1 = (s.v1 + s.v2) * (-1 / 6)
    let sum2 = (s.v3 + s.v4) * (1 / 24)
    let difference1 = (s.v1 - s.v2) * (-1 / 6)
    let difference2 = (s.v3 - s.v4) * (1 / 12)
    return Five(
      (sum1 + sum2).plus(s.v0, times: 0.25), difference1 + difference2, sum1.plus(sum2, times: 4),
      difference1.plus(difference2, times: 4), s.v5 + sum1.plus(sum2, times: 16))
  }
}
