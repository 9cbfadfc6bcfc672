internal import Storage

/// What pixels are multiplied by: a number such as `1.0`, or one that is measured on the training set.
public enum PixelScale: Sendable, Hashable, ExpressibleByFloatLiteral {
  /// 1/255 for bytes, and for floats what makes the largest magnitude 1.
  case auto
  /// A number that is not 0.
  case factor(Double)

  /// A number that is not 0.
  public init(floatLiteral value: Double) { self = .factor(value) }
}

/// Values of the channels such as `[0.5]`, or ones that are measured on the training set.
public enum ChannelValues: Sendable, Hashable, ExpressibleByArrayLiteral {
  /// The mean or the standard deviation of each channel over all pixels of the training set.
  ///
  /// Sums of bytes are exact; floats are added in the order of the images, in Double.
  case auto
  /// One value for all channels, or one per channel.
  case values([Double])

  /// One value for all channels, or one per channel.
  public init(arrayLiteral values: Double...) { self = .values(values) }
}

/// Where NumPy arrays are: images u8 or f32, [n, height, width] or [n, height, width, channels], and n integer labels.
public struct ArrayFiles: Sendable, Hashable {
  let json: JSONValue

  /// Two arrays of an archive, by their names; `nil` for `x_train` and `y_train`, or `x_test` and `y_test`.
  public init(archive: String, images: String? = nil, labels: String? = nil) {
    json = .section([("file", archive), ("images", images), ("labels", labels)])
  }

  /// Two files, each with one array.
  public init(images: String, labels: String) { json = .section([("images", images), ("labels", labels)]) }
}

/// Where images and labels in the format of MNIST are.
public struct IDXFiles: Sendable, Hashable {
  let json: JSONValue

  /// Two files, plain or gzip.
  public init(images: String, labels: String) { json = .section([("images", images), ("labels", labels)]) }
}

extension PixelScale: ConfigurationValue {
  var json: JSONValue {
    switch self {
    case .auto: .string("auto")
    case .factor(let value): value.json
    }
  }
}

extension ChannelValues: ConfigurationValue {
  var json: JSONValue {
    switch self {
    case .auto: .string("auto")
    case .values(let values): values.json
    }
  }
}

extension ArrayFiles: ConfigurationValue {}
extension IDXFiles: ConfigurationValue {}
