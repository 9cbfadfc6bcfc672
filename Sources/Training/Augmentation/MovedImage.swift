import Datasets

/// An example of bytes, moved and perhaps mirrored: what a crop with zeros around the image, and a flip, come to.
///
/// Pixel (i, j) of the result is pixel (i + top, j + left) of the example, or (i + top, width − 1 − j + left) if mirrored; outside
/// of it, bytes of 0.
struct MovedImage {
  private let source: UnsafePointer<UInt8>
  private let height: Int
  private let width: Int
  private let channels: Int
  private let top: Int
  private let left: Int
  private let isFlipped: Bool

  /// - Returns: `nil` for an example of floats.
  init?(_ dataset: ImageDataset, _ index: Int, top: Int, left: Int, isFlipped: Bool) {
    guard let bytes = dataset.bytes else { return nil }
    (height, width, channels) = (dataset.height, dataset.width, dataset.channels)
    source = bytes + index * height * width * channels
    self.top = top
    self.left = left
    self.isFlipped = isFlipped
  }

  /// Writes the image normalised, row by row: the bits of `Normalization.value`, by its table of bytes.
  func load(_ table: UnsafePointer<Float>, into target: TargetImage) {
    // The columns that lie in the example, if any do.
    let shift = isFlipped ? left : -left
    let first = min(max(0, shift), width)
    let inside = first..<max(first, min(width, width + shift))
    for i in 0..<height {
      let (y, line) = (i + top, target.place(i, 0))
      guard y >= 0, y < height, !inside.isEmpty else {
        blank(line, 0..<width, table, target.pixel)
        continue
      }
      blank(line, 0..<inside.lowerBound, table, target.pixel)
      let column = isFlipped ? width - 1 - inside.lowerBound + left : inside.lowerBound + left
      copy(
        source + (y * width + column) * channels, isFlipped ? -channels : channels,
        line + inside.lowerBound * target.pixel, target.pixel, inside.count, table)
      blank(line, inside.upperBound..<width, table, target.pixel)
    }
  }

  /// - Parameters:
  ///   - step: from one pixel of the source to the next.
  ///   - pixel: from one of the target to the next.
  @inline(__always)
  private func copy(
    _ source: UnsafePointer<UInt8>, _ step: Int, _ target: UnsafeMutablePointer<Float>, _ pixel: Int, _ count: Int,
    _ table: UnsafePointer<Float>
  ) {
    var (from, to) = (source, target)
    switch channels {
    case 1:
      for _ in 0..<count {
        to[0] = table[Int(from[0])]
        (from, to) = (from + step, to + pixel)
      }
    case 3:
      for _ in 0..<count {
        to[0] = table[Int(from[0])]
        to[1] = table[256 + Int(from[1])]
        to[2] = table[512 + Int(from[2])]
        (from, to) = (from + step, to + pixel)
      }
    default:
      for _ in 0..<count {
        for c in 0..<channels { to[c] = table[c * 256 + Int(from[c])] }
        (from, to) = (from + step, to + pixel)
      }
    }
  }

  @inline(__always)
  private func blank(
    _ line: UnsafeMutablePointer<Float>, _ columns: Range<Int>, _ table: UnsafePointer<Float>, _ pixel: Int
  ) {
    for j in columns {
      for c in 0..<channels { line[j * pixel + c] = table[c * 256] }
    }
  }
}
