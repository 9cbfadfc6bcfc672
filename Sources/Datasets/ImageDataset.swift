/// Labelled images in memory, shared read-only by all workers.
///
/// Pixels are N×H×W×C, row-major, either bytes or floats.
package final class ImageDataset: @unchecked Sendable {
  package let count: Int
  package let height: Int
  package let width: Int
  package let channels: Int
  /// Labels lie in `0..<classCount`.
  package let classCount: Int
  /// Exactly one of `bytes` and `floats` is present.
  package let bytes: UnsafePointer<UInt8>?
  package let floats: UnsafePointer<Float>?
  package let labels: UnsafePointer<Int32>

  init(
    count: Int, height: Int, width: Int, channels: Int, classCount: Int, bytes: UnsafePointer<UInt8>?,
    floats: UnsafePointer<Float>?, labels: UnsafePointer<Int32>
  ) {
    self.count = count
    self.height = height
    self.width = width
    self.channels = channels
    self.classCount = classCount
    self.bytes = bytes
    self.floats = floats
    self.labels = labels
  }
}
