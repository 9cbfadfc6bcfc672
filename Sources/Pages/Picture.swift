import CPNG

/// A small picture, [height, width, channels] with 1 channel (grey) or 3 (red, green, blue) of 8 bits, or one more for opacity.
struct Picture {
  let height: Int
  let width: Int
  let channels: Int
  let pixels: [UInt8]

  init(height: Int, width: Int, channels: Int, pixels: [UInt8]) {
    precondition((1...4).contains(channels), "A picture has 1 to 4 channels.")
    precondition(pixels.count == height * width * channels, "The pixels of another picture.")
    self.height = height
    self.width = width
    self.channels = channels
    self.pixels = pixels
  }

  /// An image, [height, width, channels], made no larger than `longest` pixels on a side by means over areas.
  ///
  /// Values from `range` become 0 to 255, others the nearer end. Of 2 channels and more than 4 the first is shown, of 4 the
  /// first three.
  init(_ values: [Float], height: Int, width: Int, channels: Int, range: ClosedRange<Float>, longest: Int) {
    let scale = max(1, Double(max(height, width)) / Double(longest))
    let size = (
      height: max(1, Int((Double(height) / scale).rounded())), width: max(1, Int((Double(width) / scale).rounded()))
    )
    let shown = channels == 3 || channels == 4 ? 3 : 1
    let span = range.upperBound - range.lowerBound
    var pixels: [UInt8] = []
    pixels.reserveCapacity(size.height * size.width * shown)
    for i in 0..<size.height {
      let rows = i * height / size.height..<max(i * height / size.height + 1, (i + 1) * height / size.height)
      for j in 0..<size.width {
        let columns = j * width / size.width..<max(j * width / size.width + 1, (j + 1) * width / size.width)
        for c in 0..<shown {
          var sum: Float = 0
          for y in rows { for x in columns { sum += values[(y * width + x) * channels + c] } }
          let share = (sum / Float(rows.count * columns.count) - range.lowerBound) / (span > 0 ? span : 1)
          // A value that is not a number is black.
          pixels.append(share > 0 ? UInt8(min(255, (share * 255).rounded())) : 0)
        }
      }
    }
    self.init(height: size.height, width: size.width, channels: shown, pixels: pixels)
  }

  /// The picture as a PNG file in base 64; `nil` if libpng refuses.
  var base64: String? {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(width)
    image.height = UInt32(height)
    image.format =
      (channels >= 3 ? UInt32(PNG_FORMAT_FLAG_COLOR) : 0) | (channels % 2 == 0 ? UInt32(PNG_FORMAT_FLAG_ALPHA) : 0)
    defer { png_image_free(&image) }
    let stride = Int32(width * channels)
    var count: png_alloc_size_t = 0
    guard png_image_write_to_memory(&image, nil, &count, 0, pixels, stride, nil) != 0 else { return nil }
    var file = [UInt8](repeating: 0, count: Int(count))
    guard png_image_write_to_memory(&image, &file, &count, 0, pixels, stride, nil) != 0 else { return nil }
    return Base64.text(file[..<Int(count)])
  }
}

/// Bytes as text, RFC 4648.
enum Base64 {
  private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func text(_ bytes: some Collection<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var rest = bytes[...]
    while !rest.isEmpty {
      let three = Array(rest.prefix(3))
      let bits = (0..<3).reduce(0) { $0 << 8 | ($1 < three.count ? Int(three[$1]) : 0) }
      for k in 0..<4 {
        text.append(k <= three.count ? letters[bits >> (18 - 6 * k) & 63] : UInt8(ascii: "="))
      }
      rest = rest.dropFirst(3)
    }
    return String(decoding: text, as: UTF8.self)
  }
}
