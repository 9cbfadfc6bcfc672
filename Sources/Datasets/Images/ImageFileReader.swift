import Diagnostics
import Storage

/// Reads image files, PNG and JPEG by their content; for one thread at a time.
package struct ImageFileReader {
  var limit = ImageLimit()
  private let jpeg: JPEGDecoder

  package init() throws(UserError) { jpeg = try JPEGDecoder() }

  /// The pixels of an image as an example of a network; throws as reading and fitting do.
  package func example(_ input: ByteInput, fit: ImageFit) throws(UserError) -> [UInt8] {
    try fit.apply(to: try raster(input), name: input.name).pixels
  }

  /// The image in the file, upright, with the file's own channels.
  ///
  /// Throws `.inputMissing` for a file that cannot be opened, `.badData` for one that is no whole image of a kind that is
  /// decoded here, `.systemRefused` where there is not enough memory.
  func raster(path: String) throws(UserError) -> Raster { try raster(try ByteInput(path: path)) }

  func raster(_ input: ByteInput) throws(UserError) -> Raster {
    let (name, bytes) = (input.name, try content(of: input))
    if bytes.starts(with: PNGImage.signature) {
      let image = try PNGImage(bytes, name: name, limit: limit)
      return try image.decoded().upright(image.orientation)
    }
    let markers = JPEGMarkers(bytes)
    return try jpeg.decode(bytes, markers, name: name, limit: limit).upright(markers.orientation)
  }

  /// Size and colour of the upright image in the file, whose pixels are not decoded; throws as reading does.
  package func header(path: String) throws(UserError) -> (height: Int, width: Int, hasColour: Bool) {
    let bytes = try content(of: try ByteInput(path: path))
    let (size, orientation): ((height: Int, width: Int, hasColour: Bool), Int)
    if bytes.starts(with: PNGImage.signature) {
      let image = try PNGImage(bytes, name: path, limit: limit)
      (size, orientation) = ((image.height, image.width, image.hasColour), image.orientation)
    } else {
      (size, orientation) = (try jpeg.header(bytes, name: path), JPEGMarkers(bytes).orientation)
    }
    return orientation >= 5 ? (size.width, size.height, size.hasColour) : size
  }

  /// Whether the file begins as a PNG or JPEG image does.
  package static func isImage(path: String) -> Bool {
    guard let input = try? ByteInput(path: path), let start = try? input.read(min(8, input.length)) else {
      return false
    }
    return start.starts(with: PNGImage.signature) || start.starts(with: jpegStart)
  }

  private static let jpegStart: [UInt8] = [0xFF, 0xD8, 0xFF]

  /// All bytes of a file that begins as an image does.
  private func content(of input: ByteInput) throws(UserError) -> [UInt8] {
    let name = input.name
    guard input.length > 0 else { throw UserError(.badData, name, "is empty; allowed: a PNG or JPEG image") }
    guard input.length <= limit.fileBytes else {
      throw UserError(.badData, name, "has \(input.length) bytes; allowed: at most \(limit.fileBytes)")
    }
    let bytes = try input.read(input.length)
    if bytes.starts(with: PNGImage.signature) || bytes.starts(with: Self.jpegStart) { return bytes }
    let start = bytes.prefix(4).map(hexText).joined(separator: " ")
    throw UserError(
      .badData, name,
      "is not a PNG or JPEG image: it "
        + (otherFormat(Array(bytes.prefix(16))).map { "is \($0)" } ?? "starts with \(start)"))
  }
}

/// How an image becomes an example of a network.
package struct ImageFit: Hashable, Sendable {
  package var height: Int
  package var width: Int
  /// 1 to 4.
  package var channels: Int
  /// The length to which the shorter side is resized first; `nil`: as it is.
  package var shorterSide: Int?
  /// Whether the middle of a larger image is taken.
  package var isCropped: Bool

  package init(height: Int, width: Int, channels: Int, shorterSide: Int? = nil, isCropped: Bool = false) {
    self.height = height
    self.width = width
    self.channels = channels
    self.shorterSide = shorterSide
    self.isCropped = isCropped
  }

  var byteCount: Int { height * width * channels }

  /// The example's pixels; throws `.badData` about an image of another size, or one that is too small for the crop.
  func apply(to raster: Raster, name: String) throws(UserError) -> Raster {
    var image = raster.converted(toChannels: channels)
    if let shorterSide {
      let (shorter, longer) = (min(image.height, image.width), max(image.height, image.width))
      // A line of one pixel's height would grow to any length.
      let resized = longer * shorterSide / shorter
      guard resized * shorterSide <= ImageLimit().pixels else {
        throw UserError(
          .badData, name,
          "is \(image.width)×\(image.height) pixels, and would be \(shorterSide)×\(resized) after resizing; allowed: "
            + "\(ImageLimit().pixels) pixels")
      }
      image = image.resized(shorterSide: shorterSide)
    }
    let fits = image.height == height && image.width == width
    guard fits || isCropped && image.height >= height && image.width >= width else {
      let resized = shorterSide == nil ? "" : " after resizing"
      throw UserError(
        .badData, name,
        "is \(image.width)×\(image.height) pixels (width×height)\(resized); "
          + (isCropped ? "at least \(width)×\(height) are needed" : "model.input asks for \(width)×\(height)"),
        hint: isCropped
          ? "data.resize: { shorter_side: \(max(height, width)) } makes it large enough"
          : "data.resize and data.crop make images of other sizes fit")
    }
    return isCropped ? image.cropped(height: height, width: width) : image
  }
}
