import CPNG
import Foundation
import Testing

@testable import Pages

@Suite struct PictureTests {
  /// The samples of a PNG file in base 64 that has so many channels, as libpng reads them, and its width.
  private func decoded(_ text: String?, channels: Int) throws -> (pixels: [UInt8], width: Int) {
    let base64 = try #require(text)
    let bytes = [UInt8](try #require(Data(base64Encoded: base64)))
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    // libpng reads from the bytes in both calls.
    let pixels = try bytes.withUnsafeBufferPointer { bytes in
      let isBegun = png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count)
      try #require(isBegun != 0)
      // Bit 0 of the format is opacity, bit 1 colour.
      #expect(image.format == [1: 0, 2: 1, 3: 2, 4: 3][channels])
      var pixels = [UInt8](repeating: 0, count: Int(image.width * image.height) * channels)
      let isRead = png_image_finish_read(&image, nil, &pixels, 0, nil)
      try #require(isRead != 0)
      return pixels
    }
    return (pixels, Int(image.width))
  }

  @Test("a picture reads back as its pixels", arguments: [1, 2, 3, 4])
  func aPictureReadsBack(channels: Int) throws {
    let pixels = (0..<5 * 7 * channels).map { UInt8(truncatingIfNeeded: $0 * 37) }
    let picture = Picture(height: 5, width: 7, channels: channels, pixels: pixels)
    let read = try decoded(picture.base64, channels: channels)
    #expect(read.pixels == pixels && read.width == 7)
  }

  @Test("a large image is made smaller by means, a small one is kept")
  func aLargeImageIsMadeSmaller() {
    let small = Picture([0, 0.5, 1, 2], height: 2, width: 2, channels: 1, range: 0...1, longest: 64)
    #expect(small.pixels == [0, 128, 255, 255])
    let values: [Float] = [0, 2, 4, 6, 2, 4, 8, 10]
    let large = Picture(values, height: 2, width: 4, channels: 1, range: 0...8, longest: 2)
    #expect(large.height == 1 && large.width == 2)
    #expect(large.pixels == [UInt8((2.0 / 8 * 255).rounded()), UInt8((7.0 / 8 * 255).rounded())])
  }

  @Test("of other channels than colours the first is shown; what is no number is black")
  func otherChannels() {
    let two = Picture([1, 9, 0, 9], height: 1, width: 2, channels: 2, range: 0...1, longest: 8)
    #expect(two.channels == 1 && two.pixels == [255, 0])
    let four = Picture([1, 0, 1, 7], height: 1, width: 1, channels: 4, range: 0...1, longest: 8)
    #expect(four.channels == 3 && four.pixels == [255, 0, 255])
    #expect(Picture([.nan, .infinity], height: 1, width: 2, channels: 1, range: 0...1, longest: 8).pixels == [0, 255])
    #expect(Picture([3], height: 1, width: 1, channels: 1, range: 3...3, longest: 8).pixels == [0])
  }

  @Test("filters stand side by side, each with its own black and white")
  func filtersStandSideBySide() throws {
    // [2, 2, 1, 2]: filter 0 is 0 1 2 4, filter 1 is constant.
    let filters = FilterPicture([0, 5, 1, 5, 2, 5, 4, 5], shape: [2, 2, 1, 2], layer: "first")
    guard case .string(let text)? = filters.json["png"] else { throw UnexpectedValue() }
    let (pixels, width) = try decoded(text, channels: 2)
    // Six pixels a weight, two between filters.
    #expect(width == 26)
    func sample(_ y: Int, _ x: Int) -> [UInt8] { Array(pixels[2 * (y * width + x)..<2 * (y * width + x) + 2]) }
    #expect([sample(0, 0), sample(0, 6)] == [[0, 255], [64, 255]])
    #expect([sample(6, 0), sample(11, 11)] == [[128, 255], [255, 255]])
    #expect(sample(3, 20) == [128, 255] && sample(3, 12)[1] == 0 && sample(3, 13)[1] == 0)
    #expect(filters.json["count"] == .integer(2))
  }

  private struct UnexpectedValue: Error {}
}
