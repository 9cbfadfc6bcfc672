import Configuration
import Datasets

/// Where a stretched crop lies in its image.
struct SourceBox {
  var top: Int
  var left: Int
  var height: Int
  var width: Int

  /// As torchvision's `RandomResizedCrop` finds it: if no rectangle fits, the largest one in the middle whose quotient of
  /// sides is allowed.
  init(_ rule: AugmentConfiguration.ResizedCrop, _ draws: ExampleDraws, height: Int, width: Int) {
    let ratio = min(rule.ratio[0], rule.ratio[1])...max(rule.ratio[0], rule.ratio[1])
    if let size = draws.rectangle(
      .area, height: height, width: width, scale: min(rule.scale[0], rule.scale[1])...max(rule.scale[0], rule.scale[1]),
      ratio: ratio)
    {
      (self.height, self.width) = size
      top = draws.below(height - size.height + 1, .top)
      left = draws.below(width - size.width + 1, .left)
      return
    }
    let quotient = Double(width) / Double(height)
    let allowed = min(max(quotient, ratio.lowerBound), ratio.upperBound)
    self.height = quotient < allowed ? max(1, Int((Double(width) / allowed).rounded())) : height
    self.width = quotient > allowed ? max(1, Int((Double(height) * allowed).rounded())) : width
    top = (height - self.height) / 2
    left = (width - self.width) / 2
  }
}

/// The pixels of one image before they are normalised, [height, width, channels].
struct RawImage {
  let pixels: UnsafeMutablePointer<Float>
  let height: Int
  let width: Int
  let channels: Int

  init(_ pixels: UnsafeMutablePointer<Float>, height: Int, width: Int, channels: Int) {
    self.pixels = pixels
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// The part of an example that begins at (top, left), zeros outside of it; mirrored after that.
  func copy(_ dataset: ImageDataset, _ index: Int, top: Int, left: Int, isFlipped: Bool) {
    let source = Source(dataset, index)
    for i in 0..<height {
      for j in 0..<width {
        let (y, x) = (i + top, (isFlipped ? width - 1 - j : j) + left)
        let place = pixels + (i * width + j) * channels
        let isInside = y >= 0 && y < height && x >= 0 && x < width
        for c in 0..<channels { place[c] = isInside ? source[(y * width + x) * channels + c] : 0 }
      }
    }
  }

  /// A part of an example stretched to the whole image, between pixel centres; mirrored after that.
  func stretch(_ dataset: ImageDataset, _ index: Int, _ box: SourceBox, isFlipped: Bool) {
    let source = Source(dataset, index)
    let (down, across) = (Double(box.height) / Double(height), Double(box.width) / Double(width))
    for i in 0..<height {
      let (y0, y1, v) = Self.neighbours(i, down, box.height)
      for j in 0..<width {
        let (x0, x1, u) = Self.neighbours(isFlipped ? width - 1 - j : j, across, box.width)
        let place = pixels + (i * width + j) * channels
        for c in 0..<channels {
          func value(_ y: Int, _ x: Int) -> Float {
            source[((box.top + y) * width + box.left + x) * channels + c]
          }
          let upper = value(y0, x0) + (value(y0, x1) - value(y0, x0)) * u
          let lower = value(y1, x0) + (value(y1, x1) - value(y1, x0)) * u
          place[c] = upper + (lower - upper) * v
        }
      }
    }
  }

  /// The two pixels of `count` between which the centre of result `i` lies, and how far it is from the first.
  private static func neighbours(_ i: Int, _ step: Double, _ count: Int) -> (Int, Int, Float) {
    let place = max(0, (Double(i) + 0.5) * step - 0.5)
    let first = min(Int(place), count - 1)
    return (first, min(first + 1, count - 1), Float(place - Double(first)))
  }

  /// Multiplies by a factor of brightness; then takes the distance of each value to the image's mean grey, then to the
  /// pixel's grey, by factors of contrast and saturation. Values are kept between 0 and 255 after each.
  ///
  /// Grey is 0.299 of the first channel, 0.587 of the second and 0.114 of the third; of images with other than three
  /// channels the mean of all.
  func jitter(_ rule: AugmentConfiguration.Jitter, _ draws: ExampleDraws) {
    let count = height * width
    func drawn(_ limit: Double, _ draw: ExampleDraws.Draw) -> Float {
      Float(draws.uniform(draw, from: max(0, 1 - limit), to: 1 + limit))
    }
    func clamped(_ value: Float) -> Float { min(max(value, 0), 255) }
    if rule.brightness > 0 {
      let factor = drawn(rule.brightness, .brightness)
      for i in 0..<count * channels { pixels[i] = clamped(pixels[i] * factor) }
    }
    if rule.contrast > 0 {
      let factor = drawn(rule.contrast, .contrast)
      var sum = 0.0
      for i in 0..<count { sum += Double(grey(pixels + i * channels)) }
      let mean = Float(sum / Double(count))
      for i in 0..<count * channels { pixels[i] = clamped(mean + (pixels[i] - mean) * factor) }
    }
    if rule.saturation > 0, channels == 3 {
      let factor = drawn(rule.saturation, .saturation)
      for i in 0..<count {
        let place = pixels + i * channels
        let own = grey(place)
        for c in 0..<channels { place[c] = clamped(own + (place[c] - own) * factor) }
      }
    }
  }

  private func grey(_ pixel: UnsafePointer<Float>) -> Float {
    if channels == 3 { return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2] }
    var sum: Float = 0
    for c in 0..<channels { sum += pixel[c] }
    return sum / Float(channels)
  }

  /// The pixels of an example, bytes or floats.
  private struct Source {
    private let bytes: UnsafePointer<UInt8>?
    private let floats: UnsafePointer<Float>?

    init(_ dataset: ImageDataset, _ index: Int) {
      let first = index * dataset.height * dataset.width * dataset.channels
      bytes = dataset.bytes.map { $0 + first }
      floats = dataset.floats.map { $0 + first }
    }

    @inline(__always)
    subscript(element: Int) -> Float { bytes.map { Float($0[element]) } ?? floats.map { $0[element] } ?? 0 }
  }
}
