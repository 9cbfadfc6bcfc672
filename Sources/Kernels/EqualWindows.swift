import KernelInterface

/// See `EqualWindows`. An image without blank areas costs a look at one pixel in taps × taps.
func equalizeWindows(_ w: EqualWindows) {
  assert(w.mistake == nil, w.mistake ?? "")
  for n in 0..<w.images {
    let image = WindowImage(w, n)
    if image.mayHaveEqualWindows { image.equalize() }
  }
}

/// What the windows of one image share with their neighbours.
private struct WindowImage {
  private let w: EqualWindows
  private let input: UnsafePointer<Float>
  private let output: UnsafeMutablePointer<Float>
  /// Of each pixel, later of each window, which of `zero`, `asRight` and `asBelow` hold.
  private let flags: UnsafeMutablePointer<Int32>
  /// Of each result, one with an equal window at the same place or before; of a first one, itself.
  private let earlier: UnsafeMutablePointer<Int32>

  private static var zero: Int32 { 1 }
  private static var asRight: Int32 { 2 }
  private static var asBelow: Int32 { 4 }

  @inline(__always)
  init(_ w: EqualWindows, _ n: Int) {
    self.w = w
    input = w.input + n * w.inputImage
    output = w.output + n * w.outputImage
    flags = w.scratch
    earlier = w.scratch + w.inputHeight * w.inputWidth
  }

  /// Whether one of the pixels of which every window has one is zero or as its neighbour, by its first channels.
  @inline(__always)
  var mayHaveEqualWindows: Bool {
    // The last of them lies in the middle of the last windows rather than in their padding.
    let (lastRow, lastColumn) = (w.inputHeight - 1 - w.taps / 2, w.inputWidth - 1 - w.taps / 2)
    var i = w.taps - 1
    while true {
      let row = min(i, lastRow)
      var j = w.taps - 1
      while true {
        let column = min(j, lastColumn)
        let pixel = input + row * w.inputRow + column * w.channels
        let own = bits(pixel)
        if own.areZero { return true }
        if column + 1 < w.inputWidth, (own ^ bits(pixel + w.channels)).areZero { return true }
        if row + 1 < w.inputHeight, (own ^ bits(pixel + w.inputRow)).areZero { return true }
        if j >= lastColumn { break }
        j &+= w.taps
      }
      if i >= lastRow { return false }
      i &+= w.taps
    }
  }

  func equalize() {
    comparePixels()
    compareWindows()
    join()
    write()
  }

  private func comparePixels() {
    for i in 0..<w.inputHeight {
      for j in 0..<w.inputWidth {
        let pixel = input + i * w.inputRow + j * w.channels
        var flags: Int32 = 0
        if allZero(pixel) { flags |= Self.zero }
        if j + 1 < w.inputWidth, allEqual(pixel, pixel + w.channels) { flags |= Self.asRight }
        if i + 1 < w.inputHeight, allEqual(pixel, pixel + w.inputRow) { flags |= Self.asBelow }
        self.flags[i * w.inputWidth + j] = flags
      }
    }
  }

  private func allZero(_ pixel: UnsafePointer<Float>) -> Bool {
    var c = 0
    while c < w.channels {
      guard bits(pixel + c).areZero else { return false }
      c &+= Vector.scalarCount
    }
    return true
  }

  private func allEqual(_ pixel: UnsafePointer<Float>, _ other: UnsafePointer<Float>) -> Bool {
    var c = 0
    while c < w.channels {
      guard (bits(pixel + c) ^ bits(other + c)).areZero else { return false }
      c &+= Vector.scalarCount
    }
    return true
  }

  /// A window is zero, or as its neighbour, if all its pixels are: first down the columns, then along the rows.
  private func compareWindows() {
    let width = w.inputWidth
    for i in 0..<w.height {
      for j in 0..<width {
        for tap in 1..<w.taps { flags[i * width + j] &= flags[(i + tap) * width + j] }
      }
    }
    for i in 0..<w.height {
      for j in 0..<w.width {
        for tap in 1..<w.taps { flags[i * width + j] &= flags[i * width + j + tap] }
      }
    }
  }

  /// Joins equal neighbours into areas, each named by its first result.
  private func join() {
    for i in 0..<w.height {
      for j in 0..<w.width {
        let (own, window) = (i * w.width + j, i * w.inputWidth + j)
        earlier[own] = Int32(own)
        if j > 0, flags[window - 1] & Self.asRight != 0 { join(own - 1, own) }
        if i > 0, flags[window - w.inputWidth] & Self.asBelow != 0 { join(own - w.width, own) }
      }
    }
  }

  private func join(_ a: Int, _ b: Int) {
    let (first, second) = (firstOfArea(a), firstOfArea(b))
    earlier[max(first, second)] = Int32(min(first, second))
  }

  private func firstOfArea(_ result: Int) -> Int {
    var result = result
    while Int(earlier[result]) != result {
      earlier[result] = earlier[Int(earlier[result])]
      result = Int(earlier[result])
    }
    return result
  }

  private func write() {
    for i in 0..<w.height {
      for j in 0..<w.width {
        let own = i * w.width + j
        let target = output + i * w.outputRow + j * w.filters
        if flags[i * w.inputWidth + j] & Self.zero != 0 {
          writeBias(target)
        } else {
          let first = firstOfArea(own)
          if first != own { copy(output + first / w.width * w.outputRow + first % w.width * w.filters, target) }
        }
      }
    }
  }

  private func writeBias(_ target: UnsafeMutablePointer<Float>) {
    var k = 0
    while k < w.filters {
      // As a sum of zeros is 0, not −0.
      let bias: Vector = load(w.bias + k)
      let value = bias + Vector(repeating: 0)
      store(w.relu.map { value.rectified($0) } ?? value, target + k)
      k &+= Vector.scalarCount
    }
  }

  private func copy(_ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>) {
    var k = 0
    while k < w.filters {
      store(load(source + k, as: Vector.self), target + k)
      k &+= Vector.scalarCount
    }
  }
}

/// A vector's bits.
@inline(__always)
private func bits(_ pointer: UnsafePointer<Float>) -> VectorBits {
  unsafeBitCast(load(pointer, as: Vector.self), to: VectorBits.self)
}

extension VectorBits {
  /// Whether no bit is set.
  @inline(__always)
  fileprivate var areZero: Bool {
    #if LOCKSTEP_AVX512
      let eight = lowHalf | highHalf
    #else
      let eight = self
    #endif
    let four = eight.lowHalf | eight.highHalf
    let two = four.lowHalf | four.highHalf
    return two.x | two.y == 0
  }
}
