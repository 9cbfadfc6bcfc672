import Storage
import TestSupport
import Testing

@testable import Datasets

/// The images of Tests/Fixtures/images and what other programs read from them.
enum ImageFixtures {
  static let names = [
    "colour2-16.png", "colour2-8.png", "colour4-16.png", "colour4-8.png", "colour6-16.png", "colour6-8.png", "exif.png",
    "gamma.png", "grey.jpg", "grey1-interlaced.png", "grey1.png", "grey16.png",
    "grey2-interlaced.png", "grey2-transparent.png", "grey2.png", "grey4-interlaced.png", "grey4.png",
    "grey8-interlaced.png", "grey8.png", "optimized-restarts.jpg", "orientation1.jpg", "orientation2.jpg",
    "orientation3.jpg", "orientation4.jpg", "orientation5.jpg", "orientation6.jpg", "orientation7.jpg",
    "orientation8.jpg", "palette1-alpha.png", "palette1.png", "palette2-alpha.png", "palette2.png",
    "palette4-alpha.png",
    "palette4.png", "palette8-alpha.png", "palette8.png", "progressive.jpg", "quality5.jpg", "rgb.jpg",
    "sampling420.jpg", "sampling422.jpg", "sampling444.jpg",
  ]

  static func bytes(_ name: String) throws -> [UInt8] { try contents(ofFile: fixture("images/\(name)")) }

  static func expected(_ name: String) throws -> Raster {
    let set = try ImageDataset.images(array: .npz(file: fixture("images/expected.npz"), name: name))
    let count = set.height * set.width * set.channels
    return Raster(
      height: set.height, width: set.width, channels: set.channels,
      pixels: Array(UnsafeBufferPointer(start: try #require(set.bytes), count: count)))
  }

  static func read(_ bytes: [UInt8]) throws -> Raster {
    try ImageFileReader().raster(ByteInput(name: "image", bytes: bytes))
  }
}
