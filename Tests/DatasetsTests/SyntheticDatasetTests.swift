import Diagnostics
import TestSupport
import Testing

@testable import Datasets

@Suite struct SyntheticDatasetTests {
  private func make(
    _ examples: Int = 60, classes: Int = 3, seed: UInt64 = 5, split: ImageDataset.Split = .train, channels: Int = 1
  ) throws -> ImageDataset {
    try ImageDataset.synthetic(
      examples: examples, height: 5, width: 7, channels: channels, classes: classes, seed: seed, split: split)
  }

  private func pixels(_ set: ImageDataset, _ example: Int) throws -> [UInt8] {
    let size = set.height * set.width * set.channels
    return Array(UnsafeBufferPointer(start: try #require(set.bytes) + example * size, count: size))
  }

  @Test("examples do not depend on the count")
  func examplesDoNotDependOnTheCount() throws {
    let (short, long) = (try make(7), try make(60))
    for n in 0..<7 { #expect(try pixels(short, n) == pixels(long, n)) }
  }

  @Test("seed, split and example each change the pixels")
  func seedSplitAndExampleEachChangeThePixels() throws {
    let first = try pixels(make(), 0)
    #expect(try first != pixels(make(seed: 6), 0))
    #expect(try first != pixels(make(split: .test), 0))
    #expect(try first != pixels(make(), 3))
  }

  /// A nearest-mean classifier trained on one split must sort the other almost perfectly, or no network could.
  @Test("classes can be learned", arguments: [1, 3])
  func classesCanBeLearned(channels: Int) throws {
    let train = try make(60, channels: channels)
    let test = try make(60, split: .test, channels: channels)
    let size = 35 * channels
    var means = [[Double]](repeating: [Double](repeating: 0, count: size), count: 3)
    for n in 0..<60 {
      for (p, value) in try pixels(train, n).enumerated() { means[Int(train.labels[n])][p] += Double(value) / 20 }
    }
    var right = 0
    for n in 0..<60 {
      let image = try pixels(test, n)
      let distances = means.map { mean in
        zip(mean, image).reduce(0.0) { $0 + ($1.0 - Double($1.1)) * ($1.0 - Double($1.1)) }
      }
      if distances.firstIndex(of: distances.min() ?? 0) == Int(test.labels[n]) { right += 1 }
    }
    #expect(right >= 58, "\(right) of 60")
  }

  @Test("pixels span their range")
  func pixelsSpanTheirRange() throws {
    let set = try make(600)
    let all = UnsafeBufferPointer(start: set.bytes, count: 600 * 35)
    #expect((all.min() ?? 255) < 20)
    #expect((all.max() ?? 0) > 235)
    let mean = Double(all.reduce(0) { $0 + Int($1) }) / Double(all.count)
    #expect(abs(mean - 127) < 15, "mean \(mean)")
  }

  @Test("sizes below 1 or beyond memory are refused")
  func refusals() {
    for (examples, height, channels, classes) in [
      (0, 5, 1, 2), (-1, 5, 1, 2), (1, 0, 1, 2), (1, 5, 0, 2), (1, 5, 1, 0), (1 << 30, 1 << 40, 1, 2),
    ] {
      let error = userError {
        _ = try ImageDataset.synthetic(
          examples: examples, height: height, width: 5, channels: channels, classes: classes, seed: 1, split: .train)
      }
      #expect(error?.category == .badConfiguration)
    }
    let tooBig = userError {
      _ = try ImageDataset.synthetic(
        examples: 1 << 30, height: 1 << 20, width: 1, channels: 1, classes: 1, seed: 1, split: .train)
    }
    #expect(tooBig?.category == .systemRefused)
  }

  /// Pixels are numerics of every synthetic run.
  @Test("pixels are the recorded ones")
  func goldenPixels() throws {
    let set = try ImageDataset.synthetic(
      examples: 4, height: 1, width: 3, channels: 1, classes: 2, seed: 1, split: .train)
    #expect(
      Array(UnsafeBufferPointer(start: set.bytes, count: 12)) == [
        207, 94, 144, 87, 214, 137, 176, 86, 179, 144, 251, 135,
      ])
    #expect(Array(UnsafeBufferPointer(start: set.labels, count: 4)) == [0, 1, 0, 1])
  }
}
