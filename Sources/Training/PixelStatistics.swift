import Configuration
import Datasets

/// What `"auto"` in the configuration stands for: numbers measured on the training set.
package struct PixelStatistics {
  package let scale: Double
  /// Of each channel's scaled pixels.
  package let mean: [Double]
  /// Their standard deviation over all pixels, the root of the mean square distance; 1 where all are equal.
  package let std: [Double]

  /// - Parameter scale: the one in use; `nil`: 1/255 for bytes, else what makes the largest magnitude 1.
  ///
  /// Bytes are summed as integers, floats in Double in the order of the images: the same bits on every machine.
  package init(_ dataset: ImageDataset, scale given: Double?) {
    let channels = dataset.channels
    let pixels = dataset.count * dataset.height * dataset.width
    var means = [Double](repeating: 0, count: channels)
    var variances = means
    if let bytes = dataset.bytes {
      let counts = dataset.readingInOrder { Self.counts(bytes, pixels: pixels, channels: channels) }
      for c in 0..<channels {
        var (sum, squares) = (0, 0)
        for value in 0..<256 {
          sum += value * counts[c * 256 + value]
          squares += value * value * counts[c * 256 + value]
        }
        means[c] = Double(sum) / Double(pixels)
        // Σx²·n − (Σx)², exact in 128 bits.
        let (n, s, q) = (Int128(pixels), Int128(sum), Int128(squares))
        variances[c] = Double(q * n - s * s) / (Double(pixels) * Double(pixels))
      }
    } else if let floats = dataset.floats {
      for c in 0..<channels {
        var sum = 0.0
        for p in 0..<pixels { sum += Double(floats[p * channels + c]) }
        means[c] = sum / Double(pixels)
        var squares = 0.0
        for p in 0..<pixels {
          let distance = Double(floats[p * channels + c]) - means[c]
          squares += distance * distance
        }
        variances[c] = squares / Double(pixels)
      }
    }
    let scale = given ?? Self.scale(dataset)
    self.scale = scale
    mean = means.map { $0 * scale }
    std = variances.map { $0 > 0 ? $0.squareRoot() * abs(scale) : 1 }
  }

  /// How often each byte is in each channel, [channels, 256].
  private static func counts(_ bytes: UnsafePointer<UInt8>, pixels: Int, channels: Int) -> [Int] {
    [Int](unsafeUninitializedCapacity: channels * 256) { counts, count in
      counts.initialize(repeating: 0)
      count = counts.count
      var place = bytes
      for _ in 0..<pixels {
        for c in 0..<channels { counts[c * 256 + Int(place[c])] += 1 }
        place += channels
      }
    }
  }

  private static func scale(_ dataset: ImageDataset) -> Double {
    guard let floats = dataset.floats else { return 1.0 / 255 }
    var largest: Float = 0
    for p in 0..<dataset.count * dataset.height * dataset.width * dataset.channels {
      largest = max(largest, abs(floats[p]))
    }
    return largest > 0 ? 1 / Double(largest) : 1
  }
}

extension RunConfiguration {
  /// The configuration with numbers in place of every `"auto"`, measured on `dataset`.
  package func measured(on dataset: ImageDataset) -> RunConfiguration {
    guard data.measured != .none else { return self }
    var run = self
    let statistics = PixelStatistics(dataset, scale: data.measured.scale ? nil : data.scale)
    if data.measured.scale { run.data.scale = statistics.scale }
    if data.measured.mean { run.data.mean = statistics.mean }
    if data.measured.std { run.data.std = statistics.std }
    run.data.measured = .none
    return run
  }
}
