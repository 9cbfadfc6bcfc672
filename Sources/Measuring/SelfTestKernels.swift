import KernelInterface
import Storage

/// Digests of what single kernels compute of fixed numbers; every kernel that decides a bit of a run is among them.
enum SelfTestKernels {
  /// In a fixed order, by name.
  static func digests(_ kernels: KernelTable) -> [(name: String, digest: SHA256Digest)] {
    sums(kernels) + activations(kernels) + maps(kernels) + winograd(kernels) + updates(kernels)
  }

  /// Tile sums, densely and with steps as convolutions have them; sums of bias gradients and of batch norm.
  private static func sums(_ kernels: KernelTable) -> [(name: String, digest: SHA256Digest)] {
    [
      ("kernel tile sum", dense(kernels.tileSum, lanesOfA: false)),
      ("kernel lane sum", dense(kernels.laneSum, lanesOfA: true)),
      ("kernel tile sum strided", strided(kernels.tileSum, lanesOfA: false)),
      ("kernel lane sum strided", strided(kernels.laneSum, lanesOfA: true)),
      ("kernel bias gradient", biasGradient(kernels)), ("kernel norm sums", productSums(kernels)),
    ]
  }

  private static func dense(_ kernel: (TileSum) -> Void, lanesOfA: Bool) -> SHA256Digest {
    let numbers = Numbers()
    let (rows, lanes, inner) = (7, 48, 50)
    let a = numbers.floats(rows * inner * (lanesOfA ? lanes : 1), seed: 1)
    let b = numbers.floats(2 * inner * 32, seed: 2)
    let out = numbers.floats(2 * rows * 32, seed: 3)
    let step = inner * (lanesOfA ? lanes : 1)
    var sum = TileSum(
      a: a, aOffsets: numbers.integers(rows) { $0 * step }, b: b, out: out,
      outOffsets: numbers.integers(rows) { $0 * 32 })
    (sum.rows, sum.lanes, sum.inner) = (rows, lanes, inner)
    (sum.aInner, sum.bBlock, sum.outBlock) = (lanesOfA ? lanes : 1, inner * 32, rows * 32)
    sum.epilogue = .add
    kernel(sum)
    return numbers.digest(out, 2 * rows * 32)
  }

  /// A 3×3 window of 5 channels, or of each lane by itself, that steps by two pixels of a map of 9×9; with bias and ReLU.
  private static func strided(_ kernel: (TileSum) -> Void, lanesOfA: Bool) -> SHA256Digest {
    let numbers = Numbers()
    let (side, lanes) = (4, 48)
    let (pixel, inner) = lanesOfA ? (lanes, 1) : (5, 5)
    let a = numbers.floats(9 * 9 * pixel, seed: 21)
    let b = numbers.floats(2 * 9 * inner * 32, seed: 22)
    let out = numbers.floats(side * side * lanes, seed: 23)
    var sum = TileSum(
      a: a, aOffsets: numbers.integers(side * side) { ($0 / side * 2 * 9 + $0 % side * 2) * pixel }, b: b, out: out,
      outOffsets: numbers.integers(side * side) { $0 * lanes })
    (sum.rows, sum.lanes) = (side * side, lanes)
    (sum.outer, sum.middle, sum.inner) = (3, 3, inner)
    (sum.aOuter, sum.aMiddle) = (9 * pixel, pixel)
    (sum.bOuter, sum.bMiddle, sum.bBlock) = (3 * inner * 32, inner * 32, 9 * inner * 32)
    sum.epilogue = .biasReLU
    sum.bias = UnsafePointer(numbers.floats(lanes, seed: 24))
    kernel(sum)
    return numbers.digest(out, side * side * lanes)
  }

  private static func biasGradient(_ kernels: KernelTable) -> SHA256Digest {
    let numbers = Numbers()
    let (map, out) = (numbers.floats(3 * 5 * 4 * 32, seed: 4), numbers.floats(32, seed: 5))
    kernels.biasGradient(
      BiasGradientArguments(
        map: map, out: out, images: 3, height: 5, width: 4, image: 5 * 4 * 32, row: 4 * 32, pixel: 32, lanes: 32))
    return numbers.digest(out, 32)
  }

  private static func productSums(_ kernels: KernelTable) -> SHA256Digest {
    let numbers = Numbers()
    let (a, b) = (numbers.floats(2 * 3 * 5 * 32, seed: 25), numbers.floats(2 * 3 * 5 * 32, seed: 26))
    let sums = numbers.doubles(64)
    func map(_ start: UnsafeMutablePointer<Float>) -> NormMap<UnsafePointer<Float>> {
      NormMap(UnsafePointer(start), image: 3 * 5 * 32, row: 5 * 32)
    }
    let extent = NormExtent(images: 2, height: 3, width: 5, lanes: 32)
    var products = ProductSums(extent, a: map(a), b: map(b), sums: sums)
    kernels.productSums(products)
    products.accumulates = true
    kernels.productSums(products)
    return numbers.digest(sums, 64)
  }

  // MARK: Value by value

  private static func activations(_ kernels: KernelTable) -> [(name: String, digest: SHA256Digest)] {
    let kinds: [(String, Activation)] = [
      ("relu", .relu), ("relu with a maximum", .clippedReLU(limit: 0.5)), ("leaky relu", .leakyReLU(slope: 0.01)),
      ("gelu", .gelu), ("silu", .silu),
    ]
    return [
      ("kernel softmax", softmax(kernels, isMixed: false)), ("kernel softmax mixed", softmax(kernels, isMixed: true)),
    ]
      + kinds.map { ("kernel \($0)", activation(kernels, $1)) }
      + [("kernel dropout", dropout(kernels)), ("kernel add", add(kernels)), ("kernel norm", norm(kernels))]
  }

  /// - Parameter isMixed: with smoothed targets of two labels.
  private static func softmax(_ kernels: KernelTable, isMixed: Bool) -> SHA256Digest {
    let numbers = Numbers()
    let examples = 6
    let (logits, results) = (numbers.floats(examples * 16, seed: 6), numbers.floats(examples * 33, seed: 7))
    for index in 0..<examples * 16 { logits[index] *= 20 }
    let labels: [Int] = isMixed ? [0, 9, 3, 1, 5, 2] : [0, 9, 3, -1, 5, 2]
    var softmax = SoftmaxArguments(
      examples: examples, classes: 10, logits: logits, stride: 16, labels: numbers.integers(examples) { labels[$0] },
      probabilities: results, gradient: results + examples * 16, gradientStride: 16, losses: results + examples * 32,
      correct: numbers.integers(examples) { _ in 0 })
    if isMixed {
      softmax.smoothing = 0.1
      softmax.others = UnsafePointer(numbers.integers(examples) { labels[examples - 1 - $0] })
      let shares = numbers.floats(examples, seed: 8)
      for index in 0..<examples { shares[index] = (1 + shares[index]) / 2 }
      softmax.shares = UnsafePointer(shares)
    }
    kernels.softmax(softmax)
    return numbers.digest(results, examples * 33)
  }

  private static func activation(_ kernels: KernelTable, _ kind: Activation) -> SHA256Digest {
    let numbers = Numbers()
    let (x, out) = (numbers.floats(96, seed: 8), numbers.floats(192, seed: 9))
    kernels.activation(kind, x, out, 96)
    kernels.activationGradient(kind, x, out, out + 96, 96)
    return numbers.digest(out, 192)
  }

  private static func dropout(_ kernels: KernelTable) -> SHA256Digest {
    let numbers = Numbers()
    let (pixels, channels, stride) = (9, 21, 32)
    let mask = numbers.integers(DropoutMask.words(elements: pixels * channels)) { _ in 0 }
    kernels.dropoutMask(
      DropoutMask(
        seed: 27, purpose: 5, stream: 3, firstBlock: 1 << 33, threshold: 20_000, elements: pixels * channels, mask: mask
      ))
    let x = numbers.floats(pixels * stride, seed: 28)
    for pixel in 0..<pixels { for channel in channels..<stride { x[pixel * stride + channel] = 0 } }
    kernels.dropout(
      DropoutArguments(
        mask: mask, firstBit: 0, scale: 1.4, pixels: pixels, channels: channels, stride: stride, x: x, out: x))
    return numbers.digest(x, pixels * stride)
  }

  private static func add(_ kernels: KernelTable) -> SHA256Digest {
    let numbers = Numbers()
    let (a, b) = (numbers.floats(96, seed: 10), numbers.floats(192, seed: 11))
    kernels.add(a, b, 96)
    kernels.sum(a, b, b + 96, 96, .unlimited)
    return numbers.digest(b, 192)
  }

  private static func norm(_ kernels: KernelTable) -> SHA256Digest {
    let numbers = Numbers()
    let (count, channels) = (2 * 3 * 5 * 32, numbers.floats(4 * 32, seed: 29))
    let (x, dout, out) = (
      numbers.floats(count, seed: 30), numbers.floats(count, seed: 31), numbers.floats(2 * count, seed: 32)
    )
    let extent = NormExtent(images: 2, height: 3, width: 5, lanes: 32)
    func map<Pointer>(_ start: Pointer) -> NormMap<Pointer> { NormMap(start, image: 3 * 5 * 32, row: 5 * 32) }
    kernels.normalize(
      Normalization(extent, x: map(UnsafePointer(x)), out: map(out), channels: channels, relu: .unlimited))
    kernels.normalizeGradient(
      NormalizationGradient(
        extent, x: map(UnsafePointer(x)), dout: map(UnsafePointer(dout)), dx: map(out + count), channels: channels))
    return numbers.digest(out, 2 * count)
  }

  // MARK: The step's end

  private static func updates(_ kernels: KernelTable) -> [(name: String, digest: SHA256Digest)] {
    [
      ("kernel sgd", sgd(kernels)), ("kernel adam", adam(kernels)), ("kernel rmsprop", rmsprop(kernels)),
      ("kernel blend", blend(kernels)), ("kernel squares", squares(kernels)), ("kernel hash", hash(kernels)),
    ]
  }

  private static func sgd(_ kernels: KernelTable) -> SHA256Digest {
    let numbers = Numbers()
    let (sum, state) = (numbers.floats(96, seed: 12), numbers.floats(192, seed: 13))
    for nesterov in [false, true] {
      kernels.sgd(
        SGDArguments(
          sum: sum, weights: state, velocity: state + 96, count: 96, m: 17, rate: 0.1, momentum: 0.9, decay: 0.001,
          nesterov: nesterov))
    }
    return numbers.digest(state, 192)
  }

  private static func adam(_ kernels: KernelTable) -> SHA256Digest {
    let numbers = Numbers()
    let (sum, state) = (numbers.floats(96, seed: 33), numbers.floats(288, seed: 34))
    for index in 192..<288 { state[index] = abs(state[index]) }
    for shrink in [0, Float(0.003)] {
      kernels.adam(
        AdamArguments(
          sum: sum, weights: state, first: state + 96, second: state + 192, count: 96, m: 17, decay: 0.001,
          shrink: shrink, rate: 0.01, firstShare: 0.1, secondKept: 0.999, secondShare: 0.001, scale: 1.25,
          epsilon: 1e-8))
    }
    return numbers.digest(state, 288)
  }

  private static func rmsprop(_ kernels: KernelTable) -> SHA256Digest {
    let numbers = Numbers()
    let (sum, state) = (numbers.floats(96, seed: 35), numbers.floats(384, seed: 36))
    for index in 96..<192 { state[index] = 1 + abs(state[index]) }
    for isPlain in [true, false] {
      kernels.rmsprop(
        RMSPropArguments(
          sum: sum, weights: state, square: state + 96, mean: isPlain ? nil : state + 192,
          velocity: isPlain ? nil : state + 288, count: 96, m: 17, decay: 0.001, rate: 0.01, momentum: 0.9, kept: 0.99,
          share: 0.01, epsilon: 1e-8))
    }
    return numbers.digest(state, 384)
  }

  private static func blend(_ kernels: KernelTable) -> SHA256Digest {
    let numbers = Numbers()
    let (from, into) = (numbers.floats(96, seed: 37), numbers.floats(96, seed: 38))
    kernels.blend(from, into, 0.001, 96)
    return numbers.digest(into, 96)
  }

  private static func squares(_ kernels: KernelTable) -> SHA256Digest {
    let numbers = Numbers()
    let (x, sums) = (numbers.floats(128, seed: 39), numbers.doubles(4))
    kernels.squareSums(x, sums, 128)
    return numbers.digest(sums, 4)
  }

  private static func hash(_ kernels: KernelTable) -> SHA256Digest {
    let numbers = Numbers()
    let (words, digests) = (numbers.floats(512, seed: 14), numbers.floats(128, seed: 15))
    words.withMemoryRebound(to: UInt32.self, capacity: 512) { words in
      digests.withMemoryRebound(to: UInt32.self, capacity: 128) { digests in
        kernels.hashColumns(ColumnHash(words: words, rows: 32, header: SIMD16(repeating: 7), digests: digests))
      }
    }
    return numbers.digest(digests, 128)
  }
}

/// Memory of one test: numbers that are the same everywhere. It is freed with the object.
final class Numbers {
  private var memory: [UnsafeMutableRawPointer] = []

  deinit { for place in memory { place.deallocate() } }

  private func take<Element: BitwiseCopyable>(
    _ count: Int, _ value: (Int) -> Element
  ) -> UnsafeMutablePointer<Element> {
    let start = UnsafeMutablePointer<Element>.allocate(capacity: count)
    for index in 0..<count { (start + index).initialize(to: value(index)) }
    memory.append(UnsafeMutableRawPointer(start))
    return start
  }

  /// From −1 to 1.
  func floats(_ count: Int, seed: UInt64) -> UnsafeMutablePointer<Float> {
    var state = seed
    return take(count) { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-31
    }
  }

  /// Zeros.
  func doubles(_ count: Int) -> UnsafeMutablePointer<Double> { take(count) { _ in 0 } }

  func integers(_ count: Int, _ value: (Int) -> Int) -> UnsafeMutablePointer<Int32> { take(count) { Int32(value($0)) } }

  /// SHA-256 of the numbers' bytes, the least significant first.
  func digest(_ start: UnsafeMutablePointer<Float>, _ count: Int) -> SHA256Digest {
    var hash = SHA256()
    for index in 0..<count { withUnsafeBytes(of: start[index].bitPattern.littleEndian) { hash.update($0) } }
    return hash.value
  }

  func digest(_ start: UnsafeMutablePointer<Double>, _ count: Int) -> SHA256Digest {
    var hash = SHA256()
    for index in 0..<count { hash.update(start[index].bitPattern) }
    return hash.value
  }
}
