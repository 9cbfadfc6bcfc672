import Diagnostics
import Randomness
import Storage
import TestSupport
import Testing

@testable import Datasets

/// A damaged image is a `.badData` error that names the file: never a crash, and no more memory than an image may declare.
@Suite struct HostileImageTests {
  private func refusal(_ bytes: [UInt8], at location: SourceLocation = #_sourceLocation) -> String {
    let error = userError { _ = try ImageFixtures.read(bytes) }
    #expect(error?.category == .badData, "\(String(describing: error))", sourceLocation: location)
    #expect(error?.subject == "image", sourceLocation: location)
    return error?.message ?? "none"
  }

  @Test(
    "every truncated image is refused", arguments: ["colour6-8.png", "grey8-interlaced.png", "palette4-alpha.png"])
  func truncatedPNG(name: String) throws {
    let whole = try ImageFixtures.bytes(name)
    for length in 0..<whole.count { _ = refusal(Array(whole[..<length])) }
  }

  /// All but the end marker's last byte or two.
  @Test(
    "every truncated JPEG image is refused", arguments: ["sampling420.jpg", "progressive.jpg", "grey.jpg", "rgb.jpg"])
  func truncatedJPEG(name: String) throws {
    let whole = try ImageFixtures.bytes(name)
    for length in 0..<whole.count - 2 { _ = refusal(Array(whole[..<length])) }
  }

  @Test("every damaged bit of a PNG image is found or harmless", arguments: ["colour2-8.png", "palette2-alpha.png"])
  func damagedPNG(name: String) throws {
    let (whole, expected) = (try ImageFixtures.bytes(name), try ImageFixtures.expected(name))
    for bit in 0..<8 * whole.count {
      var bytes = whole
      bytes[bit / 8] ^= 1 << (bit % 8)
      var found: Raster?
      let error = userError { found = try ImageFixtures.read(bytes) }
      // tRNS may become a chunk that is left out, and the checksum does not cover the length, which moves what follows.
      #expect(error?.category == .badData || found == expected || name.contains("alpha"), "bit \(bit)")
    }
  }

  @Test(
    "mutated images are read or refused",
    arguments: ["sampling420.jpg", "progressive.jpg", "orientation6.jpg", "gamma.png"])
  func mutated(name: String) throws {
    let good = try ImageFixtures.bytes(name)
    let stream = RandomStream(seed: 2026, purpose: .gradientCheck, stream: UInt32(good.count))
    for round: UInt64 in 0..<2000 {
      let bytes = good.mutated(stream, round: round)
      var found: Raster?
      let error = userError { found = try ImageFixtures.read(bytes) }
      #expect((found != nil) != (error?.category == .badData), "round \(round)")
    }
  }

  @Test("a bomb of 60,000 × 60,000 pixels is refused by its declared size")
  func bombs() throws {
    let data = zlibData([UInt8](repeating: 0, count: 1 << 20))
    #expect(
      refusal(pngFile(height: 60_000, width: 60_000, data: data))
        == "declares 60000×60000 pixels; allowed: 1 to 65535 each way, and 134217728 in all")
    #expect(refusal(pngFile(height: 1 << 31 - 1, width: 1, data: data)).contains("declares 1×2147483647 pixels"))
    #expect(refusal(pngFile(height: 0, width: 5, data: data)).contains("declares 5×0 pixels"))
    // Within the limit, but more than a file of this size can hold.
    #expect(
      refusal(pngFile(height: 10_000, width: 10_000, depth: 8, colour: 0, data: data)).contains("hold at most"))
    var jpeg = try ImageFixtures.bytes("grey.jpg")
    let frame = try #require((0..<jpeg.count).first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
    for i in 5..<9 { jpeg[frame + i] = 0xEA }
    #expect(refusal(jpeg).contains("declares 60138×60138 pixels; allowed"))
  }

  @Test("fewer pixels than declared are refused")
  func tooFewPixels() {
    #expect(
      refusal(pngFile(height: 3, width: 3, data: zlibData([0, 1, 2, 3, 0]))).hasPrefix("is a damaged PNG image: "))
  }

  @Test("other kinds of file are refused by name")
  func otherKinds() throws {
    #expect(refusal([]) == "is empty; allowed: a PNG or JPEG image")
    #expect(refusal([0x93] + Array("NUMPY".utf8)) == "is not a PNG or JPEG image: it is a NumPy array (.npy)")
    #expect(refusal(Array("GIF89a".utf8)) == "is not a PNG or JPEG image: it is a GIF image")
    #expect(refusal(Array("<html>".utf8)).contains("starts with 0x3C 0x68 0x74 0x6D"))
    #expect(refusal([0xFF]).contains("starts with 0xFF"))
  }

  @Test("a CMYK image is refused by name")
  func cmyk() throws {
    #expect(
      refusal(try ImageFixtures.bytes("cmyk.jpg"))
        == "is a CMYK image, whose colours depend on inks; allowed: grey and RGB")
  }

  @Test("an interlaced PNG image of 16 bits is refused by name")
  func interlaced16() throws {
    #expect(
      refusal(try ImageFixtures.bytes("grey16-interlaced.png"))
        == "is an interlaced PNG image of 16 bits a sample, which is not decoded here")
  }

  /// Without its last scans a progressive image is whole by its syntax, but libjpeg would make up what is missing.
  @Test("a progressive image without its last scan is refused")
  func missingScans() throws {
    let whole = try ImageFixtures.bytes("progressive.jpg")
    let scans = (0..<whole.count - 1).filter { whole[$0] == 0xFF && whole[$0 + 1] == 0xDA }
    #expect(scans.count > 3)
    for scan in scans.dropFirst() {
      #expect(refusal(Array(whole[..<scan]) + [0xFF, 0xD9]).contains("ends before its full precision"))
    }
  }

  @Test("damaged EXIF data counts as none")
  func damagedEXIF() throws {
    let whole = try ImageFixtures.bytes("orientation6.jpg")
    let start = try #require((0..<whole.count).first { whole[$0...].starts(with: Array("Exif".utf8)) })
    for at in start + 4..<start + 26 {
      for value: UInt8 in [0, 1, 0x7F, 0xFF] {
        var bytes = whole
        bytes[at] = value
        let image = try ImageFixtures.read(bytes)
        #expect([image.height, image.width] == [6, 8] || [image.height, image.width] == [8, 6])
      }
    }
  }
}
