import Datasets

/// A normalised image where a network, or what is mixed into it, has its place.
struct TargetImage {
  let height: Int
  let width: Int
  let channels: Int
  private let start: UnsafeMutablePointer<Float>
  private let row: Int
  let pixel: Int

  init(_ dataset: ImageDataset, _ start: UnsafeMutablePointer<Float>, row: Int, pixel: Int) {
    (height, width, channels) = (dataset.height, dataset.width, dataset.channels)
    self.start = start
    self.row = row
    self.pixel = pixel
  }

  @inline(__always)
  func place(_ i: Int, _ j: Int) -> UnsafeMutablePointer<Float> { start + i * row + j * pixel }

  /// Makes a rectangle 0, as torchvision's `RandomErasing` finds it: 2 to 33 % of the area, sides in a quotient from 0.3 to
  /// 3.3; none if none of ten fits.
  func erase(_ draws: ExampleDraws) {
    guard
      let size = draws.rectangle(.erasedArea, height: height, width: width, scale: 0.02...0.33, ratio: 0.3...3.3)
    else { return }
    let top = draws.below(height - size.height + 1, .erasedTop)
    let left = draws.below(width - size.width + 1, .erasedLeft)
    for i in top..<top + size.height {
      for j in left..<left + size.width { place(i, j).update(repeating: 0, count: channels) }
    }
  }

  /// This image's `share` and the rest of `other`; returns the share.
  func blend(_ other: TargetImage, share: Float) -> Float {
    for i in 0..<height {
      for j in 0..<width {
        let (own, its) = (place(i, j), other.place(i, j))
        for c in 0..<channels { own[c] = its[c] + (own[c] - its[c]) * share }
      }
    }
    return share
  }

  /// Puts a rectangle of `other` in this image's place of it, of 1 − `share` of the area and the image's shape around a
  /// point that is drawn, cut off at the edges; returns this image's share of the pixels.
  func paste(_ other: TargetImage, share: Double, _ draws: ExampleDraws) -> Float {
    let side = (1 - share).squareRoot()
    func span(_ length: Int, _ draw: ExampleDraws.Draw) -> Range<Int> {
      let middle = draws.below(length, draw)
      let half = Int(Double(length) * side) / 2
      return max(0, middle - half)..<min(length, middle + half)
    }
    let (rows, columns) = (span(height, .mixedTop), span(width, .mixedLeft))
    for i in rows {
      for j in columns { place(i, j).update(from: other.place(i, j), count: channels) }
    }
    return Float(1 - Double(rows.count * columns.count) / Double(height * width))
  }
}
