import CPNG
import CZlib
import Diagnostics

/// A PNG file in memory, decoded by libpng's simplified interface, which reports errors by return codes.
///
/// libpng gets the chunks that make the pixels and no others: so colour profiles and gamma values, whose handling differs
/// between versions, are not applied, and texts are not inflated. Samples below 8 bits are spread over 0 to 255, those of 16
/// bits become ⌊(255·v + 32895) / 65536⌋, palettes and transparent colours become channels.
struct PNGImage {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  let height: Int
  let width: Int
  /// Whether the file has colours, or a palette, which may.
  private(set) var hasColour = false
  /// EXIF's, from the chunk eXIf.
  private(set) var orientation = 1
  private let name: String
  /// The file's signature and the chunks that make its pixels.
  private var essential = signature

  /// Reads all chunks but the pixels; throws `.badData` for a file that is cut short or has a wrong checksum, and for sizes
  /// that `limit` or the file's own length rules out.
  init(_ bytes: [UInt8], name: String, limit: ImageLimit) throws(UserError) {
    self.name = name
    func number(_ place: Int) -> Int { (0..<4).reduce(0) { $0 << 8 | Int(bytes[place + $1]) } }
    var place = Self.signature.count
    var (size, bitsPerPixel): ((height: Int, width: Int)?, Int) = (nil, 0)
    var pixelBytes = 0
    var isWhole = false
    while !isWhole {
      guard bytes.count - place >= 12, number(place) <= bytes.count - place - 12 else {
        throw UserError(.badData, name, "is cut short: a chunk at offset \(place) goes beyond its \(bytes.count) bytes")
      }
      let (length, start) = (number(place), place + 8)
      let type = String(decoding: bytes[place + 4..<start], as: UTF8.self)
      // A capital letter marks what is needed for the pixels.
      let isEssential = bytes[place + 4] & 0x20 == 0 || type == "tRNS"
      if isEssential {
        let sum = bytes[place + 4..<start + length].withUnsafeBufferPointer {
          crc32(0, $0.baseAddress, UInt32(truncatingIfNeeded: $0.count))
        }
        guard Int(sum) == number(start + length) else {
          throw UserError(.badData, name, "is damaged: the chunk \(type) at offset \(place) has a wrong checksum")
        }
        essential += bytes[place..<start + length + 4]
      }
      switch type {
      case "IHDR" where size == nil && length == 13:
        size = (number(start + 4), number(start))
        let samples: [UInt8: Int] = [0: 1, 2: 3, 3: 1, 4: 2, 6: 4]
        // libpng's simplified interface mixes up the rows of such images.
        guard bytes[start + 8] < 16 || bytes[start + 12] == 0 else {
          throw UserError(
            .badData, name, "is an interlaced PNG image of 16 bits a sample, which is not decoded here",
            hint: "save it without interlacing")
        }
        hasColour = bytes[start + 9] & 2 != 0
        bitsPerPixel = Int(bytes[start + 8]) * (samples[bytes[start + 9]] ?? 0)
      case "IDAT": pixelBytes += length
      case "eXIf": orientation = EXIFOrientation.value(tiff: bytes[start..<start + length])
      case "IEND": isWhole = true
      default: break
      }
      guard size != nil else {
        throw UserError(.badData, name, "is damaged: its first chunk is \(type.debugDescription), not IHDR")
      }
      place = start + length + 4
    }
    guard let size else { preconditionFailure("The loop above ends after IHDR.") }
    (height, width) = size
    try limit.check(height: height, width: width, name: name)
    // 1032: deflate's largest ratio.
    let needed = height * ((width * bitsPerPixel + 7) / 8)
    guard needed / 1032 <= pixelBytes else {
      throw UserError(
        .badData, name,
        "declares \(width)×\(height) pixels, \(needed) bytes, but its \(pixelBytes) compressed bytes hold at most "
          + "\(1032 * pixelBytes)")
    }
  }

  /// The pixels with the channels that the file has.
  func decoded() throws(UserError) -> Raster {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    let isBegun = essential.withUnsafeBytes { png_image_begin_read_from_memory(&image, $0.baseAddress, $0.count) }
    guard isBegun != 0, image.warning_or_error == 0 else { throw damaged(image) }
    image.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
    image.format &= UInt32(PNG_FORMAT_FLAG_ALPHA | PNG_FORMAT_FLAG_COLOR)
    let channels =
      1 + (image.format & UInt32(PNG_FORMAT_FLAG_COLOR) != 0 ? 2 : 0)
      + (image.format & UInt32(PNG_FORMAT_FLAG_ALPHA) != 0 ? 1 : 0)
    let count = height * width * channels
    try ImageLimit.requireRoom(count, for: name)
    var isRead: Int32 = 0
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { target, filled in
      isRead = png_image_finish_read(&image, nil, target.baseAddress, Int32(width * channels), nil)
      filled = isRead != 0 ? count : 0
    }
    guard isRead != 0, image.warning_or_error == 0 else { throw damaged(image) }
    return Raster(height: height, width: width, channels: channels, pixels: pixels)
  }

  private func damaged(_ image: png_image) -> UserError {
    let reason = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return UserError(.badData, name, "is a damaged PNG image: \(reason)")
  }
}
