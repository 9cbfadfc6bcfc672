import Diagnostics
import TestSupport
import Testing

@testable import Datasets

@Suite struct ResizeTests {
  /// Plain loops over all pixels of a line, fractions kept apart until the one division.
  private func naive(_ line: [Int], to count: Int) -> [Int] {
    let (n, m) = (line.count, count)
    return (0..<m).map { i in
      let weights = (0..<n).map { max(0, 2 * max(n, m) - abs((2 * $0 + 1) * m - (2 * i + 1) * n)) }
      let (sum, total) = (zip(weights, line).reduce(0) { $0 + $1.0 * $1.1 }, weights.reduce(0, +))
      return (2 * sum + total) / (2 * total)
    }
  }

  @Test("rows and columns are those of plain loops", arguments: [1, 2, 3, 7, 16, 33])
  func plainLoops(from: Int) {
    let line = (0..<from).map { ($0 * 97 + 31) % 256 }
    for to in [1, 2, 3, 5, 16, 40] {
      let expected = naive(line, to: to).map { UInt8($0) }
      let bytes = line.map { UInt8($0) }
      #expect(
        Raster(height: 1, width: from, channels: 1, pixels: bytes).resized(height: 1, width: to).pixels == expected)
      #expect(
        Raster(height: from, width: 1, channels: 1, pixels: bytes).resized(height: to, width: 1).pixels == expected)
    }
  }

  /// Pillow rounds its weights to 22 bits, so a byte may be one step away.
  @Test(
    "Pillow's bilinear filter gives the same to one step",
    arguments: [[30, 41], [7, 5], [61, 20], [100, 83], [64, 97], [1, 1]])
  func pillow(size: [Int]) throws {
    let found = try ImageFixtures.expected("large").resized(height: size[0], width: size[1])
    let expected = try ImageFixtures.expected("resized-\(size[0])x\(size[1])")
    let steps = zip(found.pixels, expected.pixels).map { abs(Int($0) - Int($1)) }
    #expect(found.pixels.count == expected.pixels.count)
    #expect(steps.max() ?? 0 <= 1)
    #expect(steps.count { $0 > 0 } * 100 <= steps.count, "\(steps.count { $0 > 0 }) of \(steps.count) differ")
  }

  @Test("a constant image stays constant", arguments: [0, 1, 127, 255] as [UInt8])
  func constant(value: UInt8) {
    let image = Raster(height: 37, width: 53, channels: 3, pixels: [UInt8](repeating: value, count: 37 * 53 * 3))
    for size in [(1, 1), (8, 8), (36, 54), (200, 11)] {
      #expect(image.resized(height: size.0, width: size.1).pixels.allSatisfy { $0 == value })
    }
  }

  @Test("the shorter side gets its length, the longer one is rounded down")
  func shorterSide() {
    func size(_ height: Int, _ width: Int, _ length: Int) -> [Int] {
      let image = Raster(
        height: height, width: width, channels: 1, pixels: [UInt8](repeating: 0, count: height * width))
      let resized = image.resized(shorterSide: length)
      return [resized.height, resized.width]
    }
    #expect(size(30, 41, 10) == [10, 13])
    #expect(size(41, 30, 10) == [13, 10])
    #expect(size(30, 30, 64) == [64, 64])
    #expect(size(1, 50, 2) == [2, 100])
  }
}
