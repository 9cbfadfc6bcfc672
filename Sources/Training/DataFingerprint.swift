import Datasets
import Storage

/// Tells data sets apart, so that a run is not continued on other data wherever its files now lie.
enum DataFingerprint {
  /// Pixels that are looked at, in evenly spaced examples; all labels are.
  private static let maximumPixels = 1 << 18

  /// `sha256:` over shapes, labels and a sample of the pixels of both sets.
  static func of(training: ImageDataset, test: ImageDataset?) -> String {
    var hash = SHA256()
    add(training, to: &hash)
    if let test { add(test, to: &hash) }
    return hash.text
  }

  private static func add(_ data: ImageDataset, to hash: inout SHA256) {
    let shape = [data.count, data.height, data.width, data.channels, data.classCount, data.bytes == nil ? 4 : 1]
    shape.map { Int64($0).littleEndian }.withUnsafeBytes { hash.update($0) }
    hash.update(UnsafeRawBufferPointer(start: data.labels, count: data.count * 4))
    let pixels = data.height * data.width * data.channels
    let sampled = min(data.count, max(1, maximumPixels / max(pixels, 1)))
    for i in 0..<sampled {
      let example = data.count / sampled * i + data.count % sampled * i / sampled
      if let bytes = data.bytes {
        hash.update(UnsafeRawBufferPointer(start: bytes + example * pixels, count: pixels))
      } else if let floats = data.floats {
        hash.update(UnsafeRawBufferPointer(start: floats + example * pixels, count: pixels * 4))
      }
    }
  }
}
