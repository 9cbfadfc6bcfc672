extension Raster {
  /// The image with its shorter side `length` pixels long; the longer one is rounded down, as in torchvision.
  func resized(shorterSide length: Int) -> Raster {
    let shorter = min(height, width)
    func scaled(_ side: Int) -> Int { side == shorter ? length : max(1, side * length / shorter) }
    return resized(height: scaled(height), width: scaled(width))
  }

  /// The image at another size: first every row, then every column, by a triangle that is as wide as the reduction.
  ///
  /// Each pass rounds to bytes, half up. All arithmetic is on integers, so every machine gives the same bytes; the filter
  /// is Pillow's `BILINEAR` and PyTorch's `antialias=True`, whose weights are rounded and may differ by one step.
  func resized(height rows: Int, width columns: Int) -> Raster {
    let wide = columns == width ? self : resizedRows(columns)
    return rows == height ? wide : wide.resizedColumns(rows)
  }

  private func resizedRows(_ columns: Int) -> Raster {
    let taps = ResizeTaps(from: width, to: columns)
    let pixels = [UInt8](unsafeUninitializedCapacity: height * columns * channels) { target, filled in
      self.pixels.withUnsafeBufferPointer { source in
        var to = 0
        for i in 0..<height {
          let line = i * width * channels
          for j in 0..<columns {
            let tap = taps[j]
            for c in 0..<channels {
              var sum = 0
              for (k, weight) in tap.weights.enumerated() {
                sum += weight * Int(source[line + (tap.first + k) * channels + c])
              }
              target[to] = tap.rounded(sum)
              to += 1
            }
          }
        }
        filled = to
      }
    }
    return Raster(height: height, width: columns, channels: channels, pixels: pixels)
  }

  private func resizedColumns(_ rows: Int) -> Raster {
    let taps = ResizeTaps(from: height, to: rows)
    let length = width * channels
    let pixels = [UInt8](unsafeUninitializedCapacity: rows * length) { target, filled in
      self.pixels.withUnsafeBufferPointer { source in
        var sums = [Int](repeating: 0, count: length)
        for i in 0..<rows {
          let tap = taps[i]
          for k in 0..<length { sums[k] = 0 }
          for (row, weight) in tap.weights.enumerated() {
            let line = (tap.first + row) * length
            for k in 0..<length { sums[k] += weight * Int(source[line + k]) }
          }
          for k in 0..<length { target[i * length + k] = tap.rounded(sums[k]) }
        }
        filled = rows * length
      }
    }
    return Raster(height: rows, width: width, channels: channels, pixels: pixels)
  }
}

/// Which pixels of a line each pixel of the resized line is the mean of, with integer weights.
///
/// With n pixels before, m after and s = max(n, m), the weight of pixel j in pixel i is
/// `max(0, 2·s − |(2j + 1)·m − (2i + 1)·n|)`: the triangle around i's centre, times 2·s, without any rounding.
struct ResizeTaps {
  struct Tap {
    let first: Int
    let weights: ArraySlice<Int>
    let total: Int

    /// `sum / total`, rounded half up; at most 255 where every pixel was.
    func rounded(_ sum: Int) -> UInt8 { UInt8(truncatingIfNeeded: (2 * sum + total) / (2 * total)) }
  }

  private var firsts: [Int] = []
  private var totals: [Int] = []
  /// The weights of tap i are `weights[starts[i]..<starts[i + 1]]`.
  private var starts: [Int] = [0]
  private var weights: [Int] = []

  init(from source: Int, to target: Int) {
    precondition(source >= 1 && target >= 1, "Lines have at least one pixel.")
    let span = 2 * max(source, target)
    for i in 0..<target {
      let centre = (2 * i + 1) * source
      // Only where |(2j + 1)·m − centre| < span.
      var j = max(0, (centre - span) / (2 * target) - 1)
      while span <= abs((2 * j + 1) * target - centre) { j += 1 }
      firsts.append(j)
      var total = 0
      while j < source, span > abs((2 * j + 1) * target - centre) {
        let weight = span - abs((2 * j + 1) * target - centre)
        weights.append(weight)
        total += weight
        j += 1
      }
      totals.append(total)
      starts.append(weights.count)
    }
  }

  subscript(i: Int) -> Tap {
    Tap(first: firsts[i], weights: weights[starts[i]..<starts[i + 1]], total: totals[i])
  }
}
