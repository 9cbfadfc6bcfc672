/// The shape H×W×C of one image or feature map.
package struct ImageShape: Hashable, Sendable, CustomStringConvertible {
  package var height: Int
  package var width: Int
  package var channels: Int

  package init(height: Int, width: Int, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }

  package var elementCount: Int { height * width * channels }
  package var description: String { "\(height)×\(width)×\(channels)" }
}

/// The shape of one example of a value between layers: an image, or flat values, whose shape is 1×1×n.
package struct ValueShape: Hashable, Sendable, CustomStringConvertible {
  package var image: ImageShape
  package var isFlat: Bool

  package init(_ image: ImageShape, isFlat: Bool = false) {
    self.image = image
    self.isFlat = isFlat
  }

  package var description: String { isFlat ? "\(image.elementCount)" : image.description }

  /// `count` flat values.
  package static func flat(_ count: Int) -> ValueShape {
    ValueShape(ImageShape(height: 1, width: 1, channels: count), isFlat: true)
  }
}
