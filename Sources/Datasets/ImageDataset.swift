import Diagnostics

/// Labelled images in memory, shared read-only by all workers.
///
/// Pixels are N×H×W×C, row-major, either bytes or floats. Pixels and labels start on pages of their own and live as
/// long as this object.
///
/// `@unchecked Sendable` is safe because the memory is not written after `init`.
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
  /// What the classes are called, one name each, if the data says.
  package let classNames: [String]?
  /// The file of each image, if each has its own; else empty.
  package let files: [String]
  /// What is wrong with files that were left out.
  package let leftOut: [UserError]
  /// The file that is mapped into memory in the pixels' place.
  package let mapped: MappedFile?
  /// Whether its pixels lie in a file, which `prefetch` is for.
  package let isMapped: Bool
  /// Threads that decoded image files for this set; `nil` where none had to.
  package let readerThreads: Int?

  enum Pixels {
    case bytes(PageBuffer<UInt8>)
    case floats(PageBuffer<Float>)
  }
  /// Owners of the memory that the pointers above point to.
  private let pixelBuffer: Pixels
  private let labelBuffer: PageBuffer<Int32>

  /// Takes over filled buffers of count·height·width·channels pixels and count labels in `0..<classCount`.
  init(
    height: Int, width: Int, channels: Int, classCount: Int, pixels: Pixels, labels: PageBuffer<Int32>,
    classNames: [String]? = nil, files: [String] = [], leftOut: [UserError] = [],
    mapped: MappedFile? = nil, readerThreads: Int? = nil
  ) {
    precondition(classNames.map { $0.count == classCount } ?? true, "There is not one name for each class.")
    self.classNames = classNames
    self.files = files
    self.leftOut = leftOut
    self.mapped = mapped
    isMapped = mapped != nil
    self.readerThreads = readerThreads
    count = labels.elements.count
    self.height = height
    self.width = width
    self.channels = channels
    self.classCount = classCount
    self.labels = labels.start
    pixelBuffer = pixels
    labelBuffer = labels
    let pixelCount: Int
    switch pixels {
    case .bytes(let buffer):
      bytes = buffer.start
      floats = nil
      pixelCount = buffer.elements.count
    case .floats(let buffer):
      bytes = nil
      floats = buffer.start
      pixelCount = buffer.elements.count
    }
    precondition(
      pixelCount == count * height * width * channels,
      "\(pixelCount) pixels are not \(count) images of \(height)×\(width)×\(channels).")
  }

  /// Copies float pixels N×H×W×C and their labels; for tests and callers that computed their own images.
  ///
  /// Throws `.badData` for no images or a label outside `0..<classCount`.
  package convenience init(
    height: Int, width: Int, channels: Int, classCount: Int, floats: [Float], labels: [Int32],
    classNames: [String]? = nil
  ) throws(UserError) {
    let labels = try Self.checkedLabels(labels, classCount: classCount)
    let buffer = try PageBuffer<Float>(count: floats.count, for: "images")
    _ = buffer.elements.initialize(fromContentsOf: floats)
    self.init(
      height: height, width: width, channels: channels, classCount: classCount, pixels: .floats(buffer),
      labels: labels, classNames: classNames)
  }

  /// Copies byte pixels N×H×W×C and their labels; for tests and callers that computed their own images.
  ///
  /// Throws `.badData` for no images or a label outside `0..<classCount`.
  package convenience init(
    height: Int, width: Int, channels: Int, classCount: Int, bytes: [UInt8], labels: [Int32],
    classNames: [String]? = nil
  ) throws(UserError) {
    let labels = try Self.checkedLabels(labels, classCount: classCount)
    let buffer = try PageBuffer<UInt8>(count: bytes.count, for: "images")
    _ = buffer.elements.initialize(fromContentsOf: bytes)
    self.init(
      height: height, width: width, channels: channels, classCount: classCount, pixels: .bytes(buffer),
      labels: labels, classNames: classNames)
  }

  private static func checkedLabels(_ labels: [Int32], classCount: Int) throws(UserError) -> PageBuffer<Int32> {
    guard !labels.isEmpty else { throw UserError(.badData, "images", "0 images; at least 1 is needed") }
    for (index, label): (Int, Int32) in labels.enumerated() where label < 0 || label >= classCount {
      throw UserError(.badData, "labels", "label \(index) is \(label); allowed are 0 to \(classCount - 1)")
    }
    let buffer = try PageBuffer<Int32>(count: labels.count, for: "labels")
    _ = buffer.elements.initialize(fromContentsOf: labels)
    return buffer
  }

  /// The bytes of all pixels in order.
  package var pixels: UnsafeRawBufferPointer {
    switch pixelBuffer {
    case .bytes(let buffer): UnsafeRawBufferPointer(buffer.bytes)
    case .floats(let buffer): UnsafeRawBufferPointer(buffer.bytes)
    }
  }

  /// Asks the system to have an example's pixels in memory soon, where they are in a file; allocates nothing and does not wait.
  package func prefetch(_ index: Int) {
    guard isMapped else { return }
    let size = height * width * channels
    let range = index * size..<(index + 1) * size
    switch pixelBuffer {
    case .bytes(let buffer): buffer.prefetch(range)
    case .floats(let buffer): buffer.prefetch(range)
    }
  }

  /// What `body` returns, which reads all pixels in order; where they are in a file, the system reads ahead meanwhile.
  package func readingInOrder<Value>(_ body: () -> Value) -> Value {
    switch pixelBuffer {
    case .bytes(let buffer): buffer.readingInOrder(body)
    case .floats(let buffer): buffer.readingInOrder(body)
    }
  }

  /// The memory of pixels and labels, for a placement policy to move; both begin on a page.
  package var memory: [UnsafeRawBufferPointer] {
    [pixels, UnsafeRawBufferPointer(labelBuffer.bytes)]
  }

  /// The same examples in other memory, which the calling thread touches first.
  ///
  /// Throws `.systemRefused` where memory does not suffice.
  package func copy() throws(UserError) -> ImageDataset {
    let pixels: Pixels =
      switch pixelBuffer {
      case .bytes(let buffer): .bytes(try buffer.copy(for: "a copy of the images"))
      case .floats(let buffer): .floats(try buffer.copy(for: "a copy of the images"))
      }
    return ImageDataset(
      height: height, width: width, channels: channels, classCount: classCount, pixels: pixels,
      labels: try labelBuffer.copy(for: "a copy of the labels"), classNames: classNames, files: files,
      leftOut: leftOut)
  }
}
