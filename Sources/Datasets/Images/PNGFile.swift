import CPNG
import Diagnostics
import Storage

/// Writes images as PNG files.
package enum PNGFile {
  /// Writes height×width×channels bytes, row-major, 1 channel (grey) or 3 (RGB).
  ///
  /// Throws `.cannotWrite` where the file or the encoder fails.
  package static func write(
    _ pixels: [UInt8], height: Int, width: Int, channels: Int, to place: FilePlace
  ) throws(UserError) {
    precondition(channels == 1 || channels == 3, "PNG files written here are grey or RGB.")
    precondition(pixels.count == height * width * channels, "The pixels are not those of the shape.")
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(width)
    image.height = UInt32(height)
    image.format = channels == 1 ? UInt32(PNG_FORMAT_GRAY) : UInt32(PNG_FORMAT_RGB)
    defer { png_image_free(&image) }
    // Enough for any content: rows with a filter byte each, deflate's headers and PNG's chunks.
    var length = pixels.count + height + pixels.count / 1000 + 4096
    var bytes = [UInt8](repeating: 0, count: length)
    guard png_image_write_to_memory(&image, &bytes, &length, 0, pixels, Int32(width * channels), nil) != 0 else {
      let reason = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw UserError(.cannotWrite, place.path, "the image cannot be encoded: \(reason)")
    }
    try AtomicFile.write(Array(bytes[..<length]), to: place)
  }
}
