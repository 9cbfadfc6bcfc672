import Configuration
import Datasets
import TestSupport
import Testing

@testable import Training

/// Crops and mirror images through the table of bytes, against the same in plain loops and Double.
@Suite struct MovedImageTests {
  @Test("the bits of plain loops, for every place, mirrored or not", arguments: [1, 2, 3, 4])
  func sameBits(channels: Int) throws {
    let (height, width) = (5, 7)
    let elements = height * width * channels
    let data = try ImageDataset(
      height: height, width: width, channels: channels, classCount: 1,
      bytes: (0..<3 * elements).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ 19) }, labels: [0, 0, 0])
    var pixels = TestRun(smallModel).configuration.data
    (pixels.scale, pixels.mean, pixels.std) = (1.0 / 255, [0.4913], [0.2471])
    let normalization = Normalization(pixels, channels: channels)
    let (pixel, row) = (channels + 1, width * (channels + 1) + 3)
    let raw = RawImage(.allocate(capacity: elements), height: height, width: width, channels: channels)
    defer { raw.pixels.deallocate() }
    for top in -height - 1...height + 1 {
      for left in -width - 1...width + 1 {
        for isFlipped in [false, true] {
          let (fast, plain) = (FloatBuffer(height * row), FloatBuffer(height * row))
          let moved = try #require(MovedImage(data, 1, top: top, left: left, isFlipped: isFlipped))
          moved.load(normalization.table, into: TargetImage(data, fast.pointer, row: row, pixel: pixel))
          raw.copy(data, 1, top: top, left: left, isFlipped: isFlipped)
          normalization.load(raw, into: TargetImage(data, plain.pointer, row: row, pixel: pixel))
          #expect(fast.isIntact && fast.values.count { !$0.isNaN } == elements)
          #expect(
            fast.values.map(\.bitPattern) == plain.values.map(\.bitPattern), "\(top), \(left), \(isFlipped)")
        }
      }
    }
  }

  @Test("images of floats take the other way")
  func floats() throws {
    let data = try ImageDataset(height: 1, width: 1, channels: 1, classCount: 1, floats: [1], labels: [0])
    #expect(MovedImage(data, 0, top: 0, left: 0, isFlipped: false) == nil)
  }
}
