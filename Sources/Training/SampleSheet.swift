import Configuration
import Datasets
import Diagnostics

/// A picture of training images in rows by class: some as they are, beside them the same as an epoch's augmentation changes
/// them.
package struct SampleSheet {
  package let height: Int
  package let width: Int
  /// 1, grey, or 3, RGB.
  package let channels: Int
  /// Row-major.
  package private(set) var pixels: [UInt8]
  /// The class of each row.
  package private(set) var rows: [Int] = []
  /// Images of a row, each twice where there is augmentation.
  package let samples: Int

  private static let mostRows = 64
  private static let samplesOfRow = 8
  private static let gap = 2
  /// White.
  private static let background: UInt8 = 255

  /// The first images of every class, of at most 64 classes; those of the augmentation as in the first epoch.
  ///
  /// - Parameter run: with measured values, not `"auto"`.
  package init(_ run: RunConfiguration, _ data: ImageDataset) throws(UserError) {
    var examples = [[Int]](repeating: [], count: data.classCount)
    for index in 0..<data.count where examples[Int(data.labels[index])].count < Self.samplesOfRow {
      examples[Int(data.labels[index])].append(index)
    }
    rows = Array(examples.indices.filter { !examples[$0].isEmpty }.prefix(Self.mostRows))
    samples = Self.samplesOfRow
    channels = data.channels < 3 ? 1 : 3
    let normalization = Normalization(run.data, channels: data.channels)
    let augmentation = Augmentation(run, normalization)
    let columns = samples * (augmentation == nil ? 1 : 2)
    // One more gap between the images as they are and the changed ones.
    let middle = augmentation == nil ? 0 : 2 * Self.gap
    height = rows.count * (data.height + Self.gap) + Self.gap
    width = columns * (data.width + Self.gap) + Self.gap + middle
    guard height * width <= 1 << 27 else {
      throw UserError(
        .badData, "--sheet", "would be \(width)×\(height) pixels; allowed: \(1 << 27) pixels in all")
    }
    pixels = [UInt8](repeating: Self.background, count: height * width * channels)
    let elements = data.height * data.width * data.channels
    let scratch = AugmentationScratch(elements: elements, images: 1)
    let image = [Float](repeating: 0, count: elements)
    // The loaders write through pointers.
    let floats = UnsafeMutablePointer<Float>.allocate(capacity: elements)
    defer { floats.deallocate() }
    floats.initialize(from: image, count: elements)
    let row = data.width * data.channels
    for (line, label) in rows.enumerated() {
      for (column, index) in examples[label].enumerated() {
        let top = Self.gap + line * (data.height + Self.gap)
        normalization.load(data, example: index, into: floats, row: row, pixel: data.channels)
        draw(floats, run.data, data, top: top, left: Self.gap + column * (data.width + Self.gap))
        guard let augmentation else { continue }
        _ = augmentation.load(
          data, example: index, epoch: 0, scratch: scratch, into: floats, row: row, pixel: data.channels)
        draw(floats, run.data, data, top: top, left: Self.gap + (samples + column) * (data.width + Self.gap) + middle)
      }
    }
  }

  /// Normalised values as bytes: what a pixel was before it was normalised, bytes as they are, floats from 0 to 1/scale.
  private mutating func draw(
    _ image: UnsafePointer<Float>, _ data: DataConfiguration, _ set: ImageDataset, top: Int, left: Int
  ) {
    for i in 0..<set.height {
      for j in 0..<set.width {
        for c in 0..<channels {
          let channel = data.mean.count == 1 ? 0 : c
          let value = Double(image[(i * set.width + j) * set.channels + c]) * data.std[channel] + data.mean[channel]
          // Bytes by a scale of 1/255 become 0 to 1, as floats by their largest value do.
          let byte = set.bytes != nil ? value / data.scale : value * 255
          pixels[((top + i) * width + left + j) * channels + c] = UInt8(min(max(byte, 0), 255).rounded())
        }
      }
    }
  }
}
