import CTurboJPEG

/// How many pixels share a sample of chroma.
enum JPEGSampling {
  /// One sample for 1×1, 2×1, 2×2, 1×2 or 4×1 pixels (width × height).
  case each
  case pairs
  case squares
  case stacked
  case fours
  /// No chroma.
  case grey

  init?(_ turboJPEG: Int32) {
    switch turboJPEG {
    case Int32(TJSAMP_444.rawValue): self = .each
    case Int32(TJSAMP_422.rawValue): self = .pairs
    case Int32(TJSAMP_420.rawValue): self = .squares
    case Int32(TJSAMP_440.rawValue): self = .stacked
    case Int32(TJSAMP_411.rawValue): self = .fours
    case Int32(TJSAMP_GRAY.rawValue): self = .grey
    default: return nil
    }
  }

  fileprivate var turboJPEG: Int32 {
    let value =
      switch self {
      case .each: TJSAMP_444
      case .pairs: TJSAMP_422
      case .squares: TJSAMP_420
      case .stacked: TJSAMP_440
      case .fours: TJSAMP_411
      case .grey: TJSAMP_GRAY
      }
    return Int32(value.rawValue)
  }

  fileprivate var columns: Int {
    switch self {
    case .pairs, .squares: 2
    case .fours: 4
    case .each, .stacked, .grey: 1
    }
  }

  fileprivate var rows: Int {
    switch self {
    case .squares, .stacked: 2
    case .each, .pairs, .fours, .grey: 1
    }
  }
}

/// The samples of a JPEG image, a plane a component, and the pixels they make.
struct JPEGPlanes {
  fileprivate struct Plane {
    /// Of its first sample.
    let offset: Int
    let height: Int
    /// Samples from a row to the next.
    let stride: Int
  }

  private let height: Int
  private let width: Int
  private let sampling: JPEGSampling
  private let isRGB: Bool
  private var planes: [Plane] = []
  private var samples: [UInt8]

  init(height: Int, width: Int, sampling: JPEGSampling, isRGB: Bool) {
    (self.height, self.width) = (height, width)
    (self.sampling, self.isRGB) = (sampling, isRGB)
    var count = 0
    for component in 0..<(sampling == .grey ? 1 : Int32(3)) {
      let stride = Int(tjPlaneWidth(component, Int32(width), sampling.turboJPEG))
      let rows = Int(tjPlaneHeight(component, Int32(height), sampling.turboJPEG))
      planes.append(Plane(offset: count, height: rows, stride: stride))
      count += rows * stride
    }
    samples = [UInt8](repeating: 0, count: count)
  }

  /// What the samples of such an image take, in bytes: at most.
  static func mostBytes(height: Int, width: Int) -> Int { 3 * (height + 1) * (width + 3) }

  /// Lets `body` write the planes through an array of their starts, and returns its status.
  mutating func fill(_ body: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>) -> Int32) -> Int32 {
    samples.withUnsafeMutableBufferPointer { [planes] buffer in
      var starts = planes.map { plane in buffer.baseAddress.map { $0 + plane.offset } }
      return starts.withUnsafeMutableBufferPointer { starts in starts.baseAddress.map(body) ?? -1 }
    }
  }

  /// The pixels: grey, or RGB by ITU-R BT.601's full-range matrix in 16-bit fixed point, as libjpeg has it.
  func raster() -> Raster {
    let channels = sampling == .grey ? 1 : 3
    var second = [Int](repeating: 0, count: width)
    var third = second
    let pixels = [UInt8](unsafeUninitializedCapacity: height * width * channels) { target, filled in
      samples.withUnsafeBufferPointer { samples in
        for i in 0..<height {
          let line = planes[0].offset + i * planes[0].stride
          if sampling == .grey {
            for j in 0..<width { target[i * width + j] = samples[line + j] }
            continue
          }
          planes[1].upsample(samples, row: i, width: width, sampling, into: &second)
          planes[2].upsample(samples, row: i, width: width, sampling, into: &third)
          for j in 0..<width {
            let to = (i * width + j) * 3
            let y = Int(samples[line + j])
            if isRGB {
              (target[to], target[to + 1], target[to + 2]) = (
                samples[line + j], Self.byte(second[j]), Self.byte(third[j])
              )
            } else {
              let (cb, cr) = (second[j] - 128, third[j] - 128)
              target[to] = Self.byte(y + (91881 * cr + 32768) >> 16)
              target[to + 1] = Self.byte(y + (-22554 * cb - 46802 * cr + 32768) >> 16)
              target[to + 2] = Self.byte(y + (116130 * cb + 32768) >> 16)
            }
          }
        }
      }
      filled = height * width * channels
    }
    return Raster(height: height, width: width, channels: channels, pixels: pixels)
  }

  private static func byte(_ value: Int) -> UInt8 { UInt8(truncatingIfNeeded: max(0, min(255, value))) }
}

extension JPEGPlanes.Plane {
  /// Row `row` of the image, a sample a pixel, weighted 3 : 1 towards the nearer of two samples each way; where the plane has
  /// at most two columns, and for four pixels a sample, samples are repeated: libjpeg's "fancy upsampling".
  fileprivate func upsample(
    _ samples: UnsafeBufferPointer<UInt8>, row: Int, width: Int, _ sampling: JPEGSampling, into target: inout [Int]
  ) {
    let columns = (width + sampling.columns - 1) / sampling.columns
    let near = row / sampling.rows
    let isUpper = row % 2 == 0
    let line = offset + near * stride
    // At the edge, the row itself.
    let other = offset + min(max(isUpper ? near - 1 : near + 1, 0), height - 1) * stride
    switch sampling {
    case .each, .grey: for j in 0..<width { target[j] = Int(samples[line + j]) }
    case .stacked:
      for j in 0..<width {
        target[j] = (3 * Int(samples[line + j]) + Int(samples[other + j]) + (isUpper ? 1 : 2)) >> 2
      }
    case .fours: for j in 0..<width { target[j] = Int(samples[line + j / 4]) }
    case .pairs where columns <= 2, .squares where columns <= 2:
      for j in 0..<width { target[j] = Int(samples[line + j / 2]) }
    case .pairs:
      for j in 0..<width {
        let k = j / 2
        let isLeft = j % 2 == 0
        let beside = isLeft ? k - 1 : k + 1
        let value = Int(samples[line + k])
        target[j] =
          (0..<columns).contains(beside) ? (3 * value + Int(samples[line + beside]) + (isLeft ? 1 : 2)) >> 2 : value
      }
    case .squares:
      func sum(_ k: Int) -> Int { 3 * Int(samples[line + k]) + Int(samples[other + k]) }
      for j in 0..<width {
        let k = j / 2
        let isLeft = j % 2 == 0
        let beside = isLeft ? k - 1 : k + 1
        let inner = (0..<columns).contains(beside) ? sum(beside) : sum(k)
        target[j] = (3 * sum(k) + inner + (isLeft ? 8 : 7)) >> 4
      }
    }
  }
}
