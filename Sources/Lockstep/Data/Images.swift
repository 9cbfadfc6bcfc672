internal import Datasets
internal import Diagnostics

/// Images of one size in memory: bytes or floats, row-major over image, row, column and channel.
public struct Images: Sendable, Hashable {
  /// The size of every image.
  public let size: ImageSize
  /// How many there are.
  public let count: Int
  let pixels: Pixels

  enum Pixels: Sendable, Hashable {
    case bytes([UInt8])
    case floats([Float])
  }

  /// Copies [count, height, width, channels] bytes.
  ///
  /// - Throws: ``LockstepError``: `.badData` if the bytes are not one or more whole images.
  public init(size: ImageSize, pixels: [UInt8]) throws(LockstepError) {
    try self.init(size, .bytes(pixels), pixels.count)
  }

  /// Copies [count, height, width, channels] floats, which are scaled by ``DataSettings/scale``, too.
  ///
  /// - Throws: ``LockstepError``: `.badData` if the floats are not one or more whole images, or one is not finite.
  public init(size: ImageSize, pixels: [Float]) throws(LockstepError) {
    if let index = pixels.firstIndex(where: { !$0.isFinite }) {
      throw LockstepError(
        UserError(.badData, "images", "value \(index) is \(pixels[index]); allowed: finite numbers"))
    }
    try self.init(size, .floats(pixels), pixels.count)
  }

  private init(_ size: ImageSize, _ pixels: Pixels, _ values: Int) throws(LockstepError) {
    let shape = "\(size.height)×\(size.width)×\(size.channels)"
    guard min(size.height, size.width, size.channels) > 0, max(size.height, size.width, size.channels) <= 65536 else {
      throw LockstepError(UserError(.badData, "images", "found the size \(shape); allowed: each from 1 to 65536"))
    }
    guard values > 0, values % size.count == 0 else {
      throw LockstepError(
        UserError(
          .badData, "images", "found \(values) values; allowed: a multiple of \(size.count), the values of \(shape)"))
    }
    (self.size, self.pixels, count) = (size, pixels, values / size.count)
  }

  /// The images with labels, as the engine reads them.
  func dataset(labels: [Int32], classCount: Int, classNames: [String]? = nil) throws(UserError) -> ImageDataset {
    switch pixels {
    case .bytes(let bytes):
      try ImageDataset(
        height: size.height, width: size.width, channels: size.channels, classCount: classCount, bytes: bytes,
        labels: labels, classNames: classNames)
    case .floats(let floats):
      try ImageDataset(
        height: size.height, width: size.width, channels: size.channels, classCount: classCount, floats: floats,
        labels: labels, classNames: classNames)
    }
  }

  /// For predictions: every label is 0.
  func unlabeled() throws(UserError) -> ImageDataset {
    try dataset(labels: [Int32](repeating: 0, count: count), classCount: 1)
  }
}

/// Images in memory with the number of the class of each.
public struct LabeledImages: Sendable, Hashable {
  /// The images.
  public let images: Images
  /// The class of each image, from 0 on.
  public let labels: [Int]
  /// What the classes are called, by their numbers; `nil` if they have no names.
  public let classNames: [String]?

  /// Images and as many labels.
  /// - Parameters:
  ///   - images: the images.
  ///   - labels: the class of each, from 0 on.
  ///   - classNames: one name for each class; `nil` for as many classes as the largest label says.
  /// - Throws: ``LockstepError``: `.badData` if the counts differ, or a label is below 0 or has no name.
  public init(_ images: Images, labels: [Int], classNames: [String]? = nil) throws(LockstepError) {
    guard labels.count == images.count else {
      throw LockstepError(
        UserError(.badData, "labels", "found \(labels.count) labels of \(images.count) images; allowed: as many"))
    }
    let limit = classNames?.count ?? 65536
    if let index = labels.firstIndex(where: { !(0..<limit).contains($0) }) {
      throw LockstepError(
        UserError(.badData, "labels", "label \(index) is \(labels[index]); allowed: 0 to \(limit - 1)"))
    }
    (self.images, self.labels, self.classNames) = (images, labels, classNames)
  }

  func dataset() throws(UserError) -> ImageDataset {
    try images.dataset(
      labels: labels.map { Int32($0) }, classCount: classNames?.count ?? 1 + (labels.max() ?? 0),
      classNames: classNames)
  }
}

/// The examples of an experiment that has them in memory.
struct MemoryExamples: Sendable, Hashable {
  let train: LabeledImages
  let test: LabeledImages?
}
