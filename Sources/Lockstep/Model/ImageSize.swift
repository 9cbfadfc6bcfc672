internal import Storage

/// Height, width and channels of images, in pixels and values per pixel; pixels lie row-major over all three.
public struct ImageSize: Sendable, Hashable {
  /// Rows.
  public var height: Int
  /// Pixels of a row.
  public var width: Int
  /// Values of a pixel: 1 for grey, 3 for red, green and blue.
  public var channels: Int

  /// The size `height`×`width`×`channels`, each of which an ``Experiment`` requires to be from 1 to 65,536.
  public init(_ height: Int, _ width: Int, _ channels: Int) {
    (self.height, self.width, self.channels) = (height, width, channels)
  }

  /// Values of an image.
  var count: Int { height * width * channels }
}

extension ImageSize: ConfigurationValue {
  var json: JSONValue { [height, width, channels].json }
}

/// Two lengths in pixels, of a window or from one window to the next: `3`, or `[height, width]` as in `[3, 5]`.
public struct Extent: Sendable, Hashable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  private let lengths: [Int]

  /// The same length in both directions.
  public init(_ length: Int) { lengths = [length, length] }
  /// Different lengths.
  public init(height: Int, width: Int) { lengths = [height, width] }
  /// The same length in both directions.
  public init(integerLiteral length: Int) { self.init(length) }
  /// Height and width; another count is refused by ``Experiment``.
  public init(arrayLiteral lengths: Int...) { self.lengths = lengths }
}

extension Extent: ConfigurationValue {
  var json: JSONValue { lengths.json }
}
