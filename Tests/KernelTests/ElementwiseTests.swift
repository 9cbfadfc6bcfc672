import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

/// ReLU, addition, SGD, bias gradients and the transposing scatter of every build, bit for bit.
@Suite("Elementwise kernels")
struct ElementwiseTests {
  static let counts = [0, 16, 32, 48, 112, 2048, 4112]

  /// Both zeros, the smallest and largest numbers, then random ones.
  private func values(_ count: Int, seed: Int) -> [Float] {
    var random = RandomFloats(seed: seed)
    let special: [Float] = [
      0, -0.0, 1, -1, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude, -.leastNormalMagnitude,
      .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .infinity, -.infinity,
    ]
    return (0..<count).map { $0 < special.count ? special[$0] : random.draw() }
  }

  @Test("ReLU and its gradient", arguments: counts)
  func relu(count: Int) {
    let x = FloatBuffer(values(count, seed: 1))
    let dout = FloatBuffer(values(count, seed: 2).reversed())
    // NaNs of either sign stay in the output; a gradient never meets one.
    let withNaNs = FloatBuffer(x.values.enumerated().map { $0 % 7 == 3 ? $0 % 2 == 0 ? .nan : -.nan : $1 })
    let (expected, expectedGradient) = (FloatBuffer(count), FloatBuffer(count))
    NaiveKernels.relu(withNaNs.pointer, expected.pointer, count)
    NaiveKernels.reluGradient(x.pointer, dout.pointer, expectedGradient.pointer, count)
    for kernels in runnableKernels {
      let out = FloatBuffer(count)
      kernels.activation(.relu, withNaNs.pointer, out.pointer, count)
      #expect(out.bits == expected.bits, "\(kernels.name)")
      let dx = FloatBuffer(count)
      kernels.activationGradient(.relu, x.pointer, dout.pointer, dx.pointer, count)
      #expect(dx.bits == expectedGradient.bits, "\(kernels.name)")
      // In place, as the layers may do.
      let same = FloatBuffer(withNaNs.values)
      kernels.activation(.relu, same.pointer, same.pointer, count)
      #expect(same.bits == out.bits)
      #expect(out.isIntact && dx.isIntact && same.isIntact)
    }
  }

  @Test("leaky ReLU and its gradient", arguments: counts, [0.01, 0, 1, -2.5] as [Float])
  func leakyReLU(count: Int, slope: Float) {
    let x = FloatBuffer(values(count, seed: 1).enumerated().map { $0 % 7 == 3 ? .nan : $1 })
    let dout = FloatBuffer(values(count, seed: 2).reversed())
    let expected = FloatBuffer(x.values.map { ReferenceLeakyReLU.forward($0, slope: slope) })
    let expectedGradient = FloatBuffer(
      zip(x.values, dout.values).map { ReferenceLeakyReLU.backward($0, da: $1, slope: slope) })
    for kernels in runnableKernels {
      let (out, dx) = (FloatBuffer(count), FloatBuffer(count))
      kernels.activation(.leakyReLU(slope: slope), x.pointer, out.pointer, count)
      kernels.activationGradient(.leakyReLU(slope: slope), x.pointer, dout.pointer, dx.pointer, count)
      #expect(out.bits == expected.bits && dx.bits == expectedGradient.bits, "\(kernels.name)")
      let same = FloatBuffer(x.values)
      kernels.activation(.leakyReLU(slope: slope), same.pointer, same.pointer, count)
      #expect(same.bits == out.bits)
      #expect(out.isIntact && dx.isIntact && same.isIntact)
    }
  }

  @Test("ReLU up to a limit and its gradient", arguments: counts, [6, 0.25, 1e-30] as [Float])
  func clippedReLU(count: Int, limit: Float) {
    let x = FloatBuffer(
      values(count, seed: 1).enumerated().map { $0 % 7 == 3 ? .nan : $0 % 7 == 5 ? limit : 4 * $1 })
    let dout = FloatBuffer(values(count, seed: 2).reversed())
    let expected = FloatBuffer(x.values.map { ReferenceClippedReLU.forward($0, limit: limit) })
    let expectedGradient = FloatBuffer(
      zip(x.values, dout.values).map { ReferenceClippedReLU.backward($0, da: $1, limit: limit) })
    for kernels in runnableKernels {
      let (out, dx) = (FloatBuffer(count), FloatBuffer(count))
      kernels.activation(.clippedReLU(limit: limit), x.pointer, out.pointer, count)
      kernels.activationGradient(.clippedReLU(limit: limit), x.pointer, dout.pointer, dx.pointer, count)
      #expect(out.bits == expected.bits && dx.bits == expectedGradient.bits, "\(kernels.name)")
      #expect(out.isIntact && dx.isIntact)
    }
  }

  @Test("addition", arguments: counts)
  func add(count: Int) {
    let from = FloatBuffer(RandomFloats(seed: 3).values(count))
    let before = RandomFloats(seed: 4).values(count)
    let expected = FloatBuffer(before)
    NaiveKernels.add(from.pointer, expected.pointer, count)
    for kernels in runnableKernels {
      let into = FloatBuffer(before)
      kernels.add(from.pointer, into.pointer, count)
      #expect(into.bits == expected.bits, "\(kernels.name)")
      #expect(into.isIntact)
    }
  }

  @Test(
    "sums of two maps, with and without a ReLU", arguments: counts,
    [nil, .unlimited, FusedReLU(limit: 0.5)] as [FusedReLU?])
  func sum(count: Int, relu: FusedReLU?) {
    let (a, b) = (FloatBuffer(values(count, seed: 5)), FloatBuffer(values(count, seed: 6).reversed()))
    let expected = FloatBuffer(count)
    NaiveKernels.sum(a.pointer, b.pointer, expected.pointer, count, relu)
    for kernels in runnableKernels {
      let out = FloatBuffer(count)
      kernels.sum(a.pointer, b.pointer, out.pointer, count, relu)
      #expect(out.bits == expected.bits && out.isIntact, "\(kernels.name)")
    }
  }

  @Test("SGD, with and without Nesterov, momentum and decay", arguments: counts, [false, true])
  func sgd(count: Int, nesterov: Bool) {
    for (m, rate, momentum, decay) in [
      (1, 0.1, 0, 0), (37, 0.05, 0.9, 0), (128, 0.01, 0.9, 0.001), (3, 1e-8, 0.5, 0.1), (1_000_003, 10, 0.99, 1),
    ] as [(Float, Float, Float, Float)] {
      func run(_ kernel: (SGDArguments) -> Void) -> [[UInt32]] {
        let sum = FloatBuffer(RandomFloats(seed: 5).values(count))
        let weights = FloatBuffer(RandomFloats(seed: 6).values(count))
        let velocity = FloatBuffer(RandomFloats(seed: 7).values(count))
        // Twice, so that the velocity of the first step matters.
        for _ in 0..<2 {
          kernel(
            SGDArguments(
              sum: sum.pointer, weights: weights.pointer, velocity: velocity.pointer, count: count, m: m, rate: rate,
              momentum: momentum, decay: decay, nesterov: nesterov))
        }
        #expect(weights.isIntact && velocity.isIntact && sum.isIntact)
        return [weights.bits, velocity.bits, sum.bits]
      }
      let expected = run(NaiveKernels.sgd)
      for kernels in runnableKernels { #expect(run(kernels.sgd) == expected, "\(kernels.name), m \(m)") }
    }
  }

  @Test("Adam, with decay in the gradient, beside it and without", arguments: counts)
  func adam(count: Int) {
    for (m, decay, shrink, epsilon) in [(1, 0, 0, 1e-8), (37, 0.1, 0, 1e-3), (128, 0, 0.01, 1e-8)]
      as [(Float, Float, Float, Float)]
    {
      func run(_ kernel: (AdamArguments) -> Void) -> [[UInt32]] {
        let sum = FloatBuffer(RandomFloats(seed: 5).values(count))
        let weights = FloatBuffer(RandomFloats(seed: 6).values(count))
        let first = FloatBuffer(RandomFloats(seed: 7).values(count))
        let second = FloatBuffer(RandomFloats(seed: 8).values(count).map { $0 * $0 })
        for _ in 0..<2 {
          kernel(
            AdamArguments(
              sum: sum.pointer, weights: weights.pointer, first: first.pointer, second: second.pointer, count: count,
              m: m, decay: decay, shrink: shrink, rate: 0.01, firstShare: 0.1, secondKept: 0.999, secondShare: 0.001,
              scale: 1.5, epsilon: epsilon))
        }
        #expect(weights.isIntact && first.isIntact && second.isIntact && sum.isIntact)
        return [weights.bits, first.bits, second.bits, sum.bits]
      }
      let expected = run(NaiveKernels.adam)
      for kernels in runnableKernels { #expect(run(kernels.adam) == expected, "\(kernels.name), m \(m)") }
    }
  }

  @Test(
    "RMSProp, centred and not, with and without velocity", arguments: counts,
    [(false, false), (false, true), (true, false), (true, true)])
  func rmsprop(count: Int, kind: (centered: Bool, hasVelocity: Bool)) {
    func run(_ kernel: (RMSPropArguments) -> Void) -> [[UInt32]] {
      let sum = FloatBuffer(RandomFloats(seed: 5).values(count))
      let weights = FloatBuffer(RandomFloats(seed: 6).values(count))
      let square = FloatBuffer(RandomFloats(seed: 7).values(count).map { $0 * $0 })
      let mean = FloatBuffer(RandomFloats(seed: 8).values(count))
      let velocity = FloatBuffer(RandomFloats(seed: 9).values(count))
      for _ in 0..<2 {
        kernel(
          RMSPropArguments(
            sum: sum.pointer, weights: weights.pointer, square: square.pointer,
            mean: kind.centered ? mean.pointer : nil,
            velocity: kind.hasVelocity ? velocity.pointer : nil, count: count, m: 37, decay: 0.01, rate: 0.01,
            momentum: 0.9, kept: 0.75, share: 0.25, epsilon: 1e-6))
      }
      let buffers = [sum, weights, square, mean, velocity]
      #expect(buffers.allSatisfy { $0.isIntact })
      // Means that are larger than the mean of squares allows do not make a weight NaN.
      #expect(weights.values.allSatisfy { $0.isFinite })
      return buffers.map(\.bits)
    }
    let expected = run(NaiveKernels.rmsprop)
    for kernels in runnableKernels { #expect(run(kernels.rmsprop) == expected, "\(kernels.name)") }
  }

  @Test("a mean that moves towards new values", arguments: counts)
  func blend(count: Int) {
    let from = FloatBuffer(RandomFloats(seed: 3).values(count))
    func run(_ kernel: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Float, Int) -> Void) -> [UInt32] {
      let into = FloatBuffer(RandomFloats(seed: 4).values(count))
      kernel(from.pointer, into.pointer, 0.001, count)
      #expect(into.isIntact && from.isIntact)
      return into.bits
    }
    let expected = run(NaiveKernels.blend)
    for kernels in runnableKernels { #expect(run(kernels.blend) == expected, "\(kernels.name)") }
  }

  @Test("sums of squares over 32 floats each", arguments: [0, 32, 64, 96, 1024])
  func squareSums(count: Int) {
    let x = FloatBuffer(RandomFloats(seed: 3).values(count))
    func run(_ kernel: (UnsafePointer<Float>, UnsafeMutablePointer<Double>, Int) -> Void) -> [Double] {
      var sums = [Double](repeating: -1, count: count / 32 + 1)
      sums.withUnsafeMutableBufferPointer { kernel(x.pointer, $0.baseAddress!, count) }
      #expect(sums.last == -1)
      return sums
    }
    let expected = run(NaiveKernels.squareSums)
    #expect(expected.dropLast().allSatisfy { $0 > 0 })
    for kernels in runnableKernels { #expect(run(kernels.squareSums) == expected, "\(kernels.name)") }
  }

  @Test("bias gradients, from 0 and from what is there", arguments: [1, 2, 3, 7], [16, 32, 48, 80])
  func biasGradient(images: Int, lanes: Int) {
    for (height, width) in [(1, 1), (1, 5), (4, 1), (3, 7), (8, 8)] {
      for gap in [0, 16] {
        let pixel = lanes + gap
        let row = width * pixel + gap
        let image = height * row + gap
        let map = FloatBuffer(RandomFloats(seed: height * 8 + width).values(images * image))
        let before = RandomFloats(seed: lanes).values(lanes)
        func run(accumulates: Bool, _ kernel: (BiasGradientArguments) -> Void) -> [UInt32] {
          let out = FloatBuffer(before)
          var arguments = BiasGradientArguments(
            map: map.pointer, out: out.pointer, images: images, height: height, width: width, image: image,
            row: row, pixel: pixel, lanes: lanes)
          arguments.accumulates = accumulates
          kernel(arguments)
          #expect(out.isIntact)
          return out.bits
        }
        for accumulates in [false, true] {
          let expected = run(accumulates: accumulates, NaiveKernels.biasGradient)
          for kernels in runnableKernels {
            #expect(
              run(accumulates: accumulates, kernels.biasGradient) == expected,
              "\(kernels.name), accumulates \(accumulates)")
          }
        }
      }
    }
  }

  @Test("the transposing scatter, with and without mask", arguments: [0, 1, 2, 15, 16, 17, 33], [1, 2, 5])
  func scatter(examples: Int, units: Int) {
    let sourceStride = examples + 3
    let targetStride = units * 24 + 16
    let source = FloatBuffer(RandomFloats(seed: 8).values(units * 16 * sourceStride))
    let mask = FloatBuffer(RandomFloats(seed: 9).values(examples * (units * 16 + 5) + 16))
    let offsets = Int32Buffer((0..<units).map { (units - 1 - $0) * 24 })
    for relu in [nil, .unlimited, FusedReLU(limit: 0.5)] as [FusedReLU?] {
      func run(_ kernel: (TransposeArguments) -> Void) -> [UInt32] {
        let target = FloatBuffer(examples * targetStride)
        var t = TransposeArguments(
          units: units, examples: examples, source: source.pointer, sourceStride: sourceStride, target: target.pointer,
          targetStride: targetStride, unitOffsets: offsets.pointer)
        if let relu {
          t.relu = relu
          t.mask = UnsafePointer(mask.pointer)
          t.maskStride = units * 16 + 5
        }
        kernel(t)
        #expect(target.isIntact)
        return target.bits
      }
      let expected = run(NaiveKernels.scatterTransposed)
      for kernels in runnableKernels { #expect(run(kernels.scatterTransposed) == expected, "\(kernels.name)") }
    }
  }
}

extension RandomFloats {
  /// The first `count` numbers.
  fileprivate func values(_ count: Int) -> [Float] {
    var copy = self
    return copy.array(count)
  }
}
