import CTurboJPEG
import Diagnostics
import Randomness
import Storage
import TestSupport
import Testing

@testable import Datasets

@Suite struct ImageFileTests {
  @Test("pixels are those that other programs read", arguments: ImageFixtures.names)
  func pixels(name: String) throws {
    let (found, expected) = (try ImageFixtures.read(ImageFixtures.bytes(name)), try ImageFixtures.expected(name))
    #expect([found.height, found.width, found.channels] == [expected.height, expected.width, expected.channels])
    let different = zip(found.pixels, expected.pixels).count { $0 != $1 }
    #expect(different == 0, "\(different) of \(expected.pixels.count) bytes differ")
  }

  /// Compresses random pixels and lets the library itself decode them to pixels.
  private func compressed(_ height: Int, _ width: Int, _ sampling: TJSAMP) throws -> (file: [UInt8], pixels: [UInt8]) {
    let stream = RandomStream(seed: 5, purpose: .gradientCheck, stream: UInt32(height * 100 + width))
    // Half a slope, half noise.
    let source = (0..<height * width * 3).map { UInt8($0 * 3 % 128 + Int(stream.below(128, index: UInt64($0)))) }
    let compressor = try #require(tjInitCompress())
    defer { tjDestroy(compressor) }
    var (start, size): (UnsafeMutablePointer<UInt8>?, UInt) = (nil, 0)
    defer { tjFree(start) }
    try #require(
      tjCompress2(
        compressor, source, Int32(width), 0, Int32(height), Int32(TJPF_RGB.rawValue), &start, &size,
        Int32(sampling.rawValue), 75, 0) == 0)
    let file = Array(UnsafeBufferPointer(start: start, count: Int(size)))
    let decompressor = try #require(tjInitDecompress())
    defer { tjDestroy(decompressor) }
    var pixels = [UInt8](repeating: 0, count: height * width * 3)
    try #require(
      tjDecompress2(
        decompressor, file, size, &pixels, Int32(width), 0, Int32(height), Int32(TJPF_RGB.rawValue), TJFLAG_ACCURATEDCT)
        == 0)
    return (file, pixels)
  }

  /// Upsampling and colours are computed here, with the formulas of libjpeg: on this machine it gives the same.
  @Test("every sampling at every size gives what libjpeg's own upsampling gives", arguments: 1...20)
  func samplings(width: Int) throws {
    for sampling in [TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_440, TJSAMP_411, TJSAMP_GRAY] {
      for height in [1, 2, 3, 4, 7, 8, 15, 16, 17, 33] {
        let (file, pixels) = try compressed(height, width, sampling)
        let found = try ImageFixtures.read(file).converted(toChannels: 3)
        #expect(found.pixels == pixels, "\(width)×\(height), sampling \(sampling.rawValue)")
      }
    }
  }

  @Test("a JPEG or PNG file is known by its content, not by its name")
  func knownByContent() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ImageFixtures.bytes("grey8.png"), to: "grey.jpg")
    #expect(try ImageFileReader().raster(path: file) == ImageFixtures.expected("grey8.png"))
  }

  @Test("channels are converted as documented")
  func channels() {
    func convert(_ channels: Int, _ pixels: [UInt8], to count: Int) -> [UInt8] {
      Raster(height: 1, width: 1, channels: channels, pixels: pixels).converted(toChannels: count).pixels
    }
    for (channels, pixels) in [(1, [90]), (2, [90, 7]), (3, [200, 100, 50]), (4, [200, 100, 50, 7])] as [(Int, [UInt8])]
    {
      // (19595·200 + 38470·100 + 7471·50 + 32768) >> 16
      let grey: UInt8 = channels >= 3 ? 124 : 90
      let colour: [UInt8] = channels >= 3 ? [200, 100, 50] : [90, 90, 90]
      let alpha: UInt8 = channels % 2 == 0 ? 7 : 255
      #expect(convert(channels, pixels, to: 1) == [grey])
      #expect(convert(channels, pixels, to: 2) == [grey, alpha])
      #expect(convert(channels, pixels, to: 3) == colour)
      #expect(convert(channels, pixels, to: 4) == colour + [alpha])
    }
  }

  @Test(
    "the middle is taken by torchvision's rule", arguments: [(10, 4, 3), (9, 4, 2), (7, 4, 2), (5, 4, 0), (4, 4, 0)])
  func crops(length: Int, part: Int, first: Int) {
    let line = Raster(height: length, width: 1, channels: 1, pixels: (0..<length).map { UInt8($0) })
    #expect(line.cropped(height: part, width: 1).pixels == (first..<first + part).map { UInt8($0) })
    let row = Raster(height: 1, width: length, channels: 1, pixels: line.pixels)
    #expect(row.cropped(height: 1, width: part).pixels == (first..<first + part).map { UInt8($0) })
  }
}
