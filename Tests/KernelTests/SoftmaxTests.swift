import Foundation
import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

@testable import Kernels

/// Softmax with cross-entropy, and its exponential and logarithm.
@Suite("Softmax kernels")
struct SoftmaxTests {
  private struct Result: Equatable {
    var probabilities: [UInt32]
    var gradient: [UInt32]
    var losses: [UInt32]
    var correct: [Int]
  }

  /// Runs `logits` [examples, classes] through a build; padding lanes hold rubbish before.
  private func run(
    _ kernels: KernelTable, _ logits: [Float], classes: Int, labels: [Int], inPlace: Bool = false,
    smoothing: Float = 0, others: [Int]? = nil, shares: [Float] = []
  ) -> (probabilities: FloatBuffer, gradient: FloatBuffer, losses: FloatBuffer, correct: [Int], stride: Int) {
    let stride = (classes + 15) / 16 * 16
    let z = FloatBuffer(labels.count * stride, fill: 0)
    for n in 0..<labels.count {
      for k in 0..<classes { z.pointer[n * stride + k] = logits[n * classes + k] }
    }
    let probabilities = FloatBuffer(labels.count * stride)
    // Rows of the gradient lie further apart if a halo lies between them, which must not be written.
    let gradientStride = inPlace ? stride : stride + 48
    let spread = inPlace ? probabilities : FloatBuffer(labels.count * gradientStride)
    let losses = FloatBuffer(labels.count)
    let correct = Int32Buffer([Int](repeating: -7, count: labels.count))
    let labelBuffer = Int32Buffer(labels)
    var arguments = SoftmaxArguments(
      examples: labels.count, classes: classes, logits: z.pointer, stride: stride, labels: labelBuffer.pointer,
      probabilities: inPlace ? nil : probabilities.pointer, gradient: spread.pointer,
      gradientStride: gradientStride, losses: losses.pointer, correct: correct.pointer)
    arguments.smoothing = smoothing
    let (otherLabels, ownShares) = (Int32Buffer(others ?? []), FloatBuffer(shares))
    if others != nil {
      (arguments.others, arguments.shares) = (UnsafePointer(otherLabels.pointer), UnsafePointer(ownShares.pointer))
    }
    kernels.softmax(arguments)
    #expect(probabilities.isIntact && spread.isIntact && losses.isIntact && z.isIntact)
    let gradient = FloatBuffer(labels.count * stride)
    for n in 0..<labels.count {
      for lane in 0..<gradientStride {
        let value = spread.pointer[n * gradientStride + lane]
        if lane < stride { gradient.pointer[n * stride + lane] = value } else { #expect(value.isNaN) }
      }
    }
    return (probabilities, gradient, losses, correct.values, stride)
  }

  @Test("agrees with the naive twin and over builds", arguments: [1, 2, 3, 10, 15, 16, 17, 32, 33, 100, 1000])
  func agrees(classes: Int) throws {
    var random = RandomFloats(seed: classes)
    for scale in [0.01, 1, 30, 1e4] as [Float] {
      let examples = 5
      let logits = random.array(examples * classes).map { $0 * scale }
      let labels = (0..<examples).map { ($0 * 7 + 3) % classes }
      let expected = ReferenceSoftmax.evaluate(logits.map(Double.init), classes: classes, labels: labels)
      var first: [[UInt32]]?
      for kernels in runnableKernels {
        let actual = run(kernels, logits, classes: classes, labels: labels)
        for n in 0..<examples {
          let row = (0..<classes).map { logits[n * classes + $0] }
          let largest = try #require(row.max())
          let sum = row.reduce(0) { $0 + exp(Double($1 - largest)) }
          let loss = log(sum) - Double(row[labels[n]] - largest)
          #expect(abs(Double(actual.losses.values[n]) - loss) <= 1e-6 * max(1, loss), "\(kernels.name)")
          #expect(actual.correct[n] == (row.firstIndex(of: largest) == labels[n] ? 1 : 0))
          for k in 0..<classes {
            let (p, dz) = (expected.probabilities[n * classes + k], expected.dz[n * classes + k])
            #expect(abs(Double(actual.probabilities.values[n * actual.stride + k]) - p) <= 1e-6)
            #expect(abs(Double(actual.gradient.values[n * actual.stride + k]) - dz) <= 1e-6)
          }
          for k in classes..<actual.stride {
            #expect(actual.probabilities.values[n * actual.stride + k] == 0)
            #expect(actual.gradient.values[n * actual.stride + k] == 0)
          }
        }
        let bits = [actual.probabilities.bits, actual.gradient.bits, actual.losses.bits]
        #expect(bits == first ?? bits, "\(kernels.name)")
        first = bits
        // In place, which is how training calls it.
        let inPlace = run(kernels, logits, classes: classes, labels: labels, inPlace: true)
        #expect(inPlace.gradient.bits == actual.gradient.bits)
        #expect(inPlace.losses.bits == actual.losses.bits)
      }
    }
  }

  @Test(
    "targets that share something out to all classes, and to a second label", arguments: [2, 10, 17, 100],
    [(0.1, false), (0.75, false), (0, true), (0.1, true)] as [(Float, Bool)])
  func targets(classes: Int, kind: (smoothing: Float, isMixed: Bool)) {
    var random = RandomFloats(seed: classes)
    let logits = random.array(4 * classes).map { $0 * 3 }
    let labels = (0..<4).map { ($0 * 7 + 1) % classes }
    // The second label may be the first.
    let others = (0..<4).map { ($0 * 3 + 1) % classes }
    let shares: [Float] = kind.isMixed ? [0.25, 0.5, 1, 0] : [1, 1, 1, 1]
    let expected = ReferenceSoftmax.evaluate(logits.map(Double.init), classes: classes, labels: labels)
    var first: [[UInt32]]?
    for kernels in runnableKernels {
      let actual = run(
        kernels, logits, classes: classes, labels: labels, smoothing: kind.smoothing,
        others: kind.isMixed ? others : nil, shares: shares)
      for n in 0..<4 {
        var loss = 0.0
        for k in 0..<classes {
          let p = expected.probabilities[n * classes + k]
          var label = k == labels[n] ? Double(shares[n]) : 0
          if k == others[n] { label += 1 - Double(shares[n]) }
          let target = Double(kind.smoothing) / Double(classes) + (1 - Double(kind.smoothing)) * label
          loss -= target * log(p)
          #expect(abs(Double(actual.gradient.values[n * actual.stride + k]) - (p - target)) <= 1e-6)
          #expect(abs(Double(actual.probabilities.values[n * actual.stride + k]) - p) <= 1e-6)
        }
        #expect(abs(Double(actual.losses.values[n]) - loss) <= 2e-6 * max(1, loss), "\(kernels.name)")
        for k in classes..<actual.stride { #expect(actual.gradient.values[n * actual.stride + k] == 0) }
      }
      let bits = [actual.probabilities.bits, actual.gradient.bits, actual.losses.bits]
      #expect(bits == first ?? bits, "\(kernels.name)")
      first = bits
    }
  }

  @Test("logits of ±1e4 and beyond give finite losses")
  func hugeLogits() {
    for kernels in runnableKernels {
      for huge in [1e4, 1e9, 1e30] as [Float] {
        let result = run(
          kernels, [huge, -huge, 0, -huge, huge, huge], classes: 3, labels: [1, 1])
        #expect(result.losses.values == [2 * huge, logf(2)], "\(kernels.name), \(huge)")
        #expect([0, 1, 2].map { result.probabilities.values[$0] } == [1, 0, 0])
        #expect([0, 1, 2].map { result.gradient.values[$0] } == [1, -1, 0])
        #expect([16, 17, 18].map { result.probabilities.values[$0] } == [0, 0.5, 0.5])
        #expect(result.correct == [0, 1])
      }
    }
  }

  @Test("one class has probability 1, no loss and no gradient")
  func oneClass() {
    for kernels in runnableKernels {
      let result = run(kernels, [5, -1e30, 0], classes: 1, labels: [0, 0, 0])
      #expect(result.losses.values == [0, 0, 0])
      #expect(result.gradient.values.allSatisfy { $0 == 0 })
      #expect([0, 16, 32].map { result.probabilities.values[$0] } == [1, 1, 1])
      #expect(result.correct == [1, 1, 1])
    }
  }

  @Test("of equal logits the first is the prediction")
  func ties() {
    for kernels in runnableKernels {
      let result = run(kernels, [2, 2, 2, 2, 2, 2, 1, 2, 2], classes: 3, labels: [0, 1, 1])
      #expect(result.correct == [1, 0, 1], "\(kernels.name)")
    }
  }

  @Test("without a label there is no loss and no hit")
  func noLabel() {
    for kernels in runnableKernels {
      let result = run(kernels, [1, 2, 3], classes: 3, labels: [-1])
      #expect(result.losses.values == [0])
      #expect(result.correct == [0])
      #expect(abs(result.probabilities.values[2] - 0.66524096) < 1e-6)
    }
  }

  @Test("a logit that is not a number gives a loss that is none", arguments: [0, 1, 2])
  func notANumber(place: Int) {
    for kernels in runnableKernels {
      var logits: [Float] = [1, 2, 3]
      logits[place] = .nan
      for label in 0..<3 {
        let result = run(kernels, logits, classes: 3, labels: [label])
        #expect(!result.losses.values[0].isFinite, "\(kernels.name), label \(label)")
      }
    }
  }

  // MARK: exp and log

  @Test("e^x is within 2e-7 over the whole range")
  func exponentialAccuracy() {
    var worst = 0.0
    var x: Float = -87.29
    while x <= 88.37 {
      var lanes = SIMD16<Float>()
      for lane in 0..<16 { lanes[lane] = min(x + Float(lane) * 0.00013, 88.37) }
      let actual = exponential(lanes)
      for lane in 0..<16 {
        let expected = exp(Double(lanes[lane]))
        worst = max(worst, abs(Double(actual[lane]) - expected) / expected)
      }
      x += 0.0021
    }
    #expect(worst <= 2e-7)
    #expect(worst > 1e-9)
  }

  @Test("e^x at and beyond the ends of its range")
  func exponentialEdges() {
    func e(_ x: Float) -> Float { exponential(SIMD16(repeating: x))[7] }
    #expect(e(0) == 1)
    #expect(e(-0.0) == 1)
    #expect(e(-87.31) == 0)
    #expect(e(-1e30) == 0)
    #expect(e(-.infinity) == 0)
    #expect(e(-87.3) > 0)
    #expect(e(88.37).isFinite)
    #expect(e(1e30) == e(88.37))
    #expect(e(.infinity) == e(88.37))
    #expect(e(.nan).isNaN)
    var last: Float = 0
    for step in 0...20_000 {
      let now = e(-87.3 + Float(step) * 0.0088)
      #expect(now >= last)
      last = now
    }
  }

  @Test("e^x has the same bits in every build")
  func exponentialBits() throws {
    // Two classes, the other far ahead: the sum is 1 and the probability is e^x itself.
    let xs = (0..<2000).map { -17.5 - Float($0) * 0.0349 }
    let logits: [Float] = xs.flatMap { [0, $0] }
    let labels = [Int](repeating: 0, count: xs.count)
    for kernels in runnableKernels {
      let result = run(kernels, logits, classes: 2, labels: labels)
      for (n, x) in xs.enumerated() {
        let direct = exponential(SIMD16(repeating: x))[0]
        #expect(result.probabilities.values[n * 16 + 1].bitPattern == direct.bitPattern, "\(kernels.name), \(x)")
      }
    }
  }

  @Test("the logarithm is rounded from an exact one, directly and through losses")
  func logarithmAccuracy() throws {
    var x: Float = 1.0001
    var values: [Float] = [.leastNormalMagnitude, 1e-30, 0.1, 0.5, 0.70710677, 0.70710683, 1, 1.4142135, 1.4142137, 2]
    while x < 1e6 {
      values.append(x)
      x *= 1.00137
    }
    values += [1e30, .greatestFiniteMagnitude]
    for value in values {
      let expected = log(Double(value))
      #expect(abs(Double(logarithm(value)) - expected) <= 6e-8 * abs(expected), "\(value)")
    }
    #expect(logarithm(1) == 0)
    // n equal logits: the loss is log n.
    for classes in [1, 2, 3, 7, 10, 100, 999] {
      for kernels in runnableKernels {
        let result = run(kernels, [Float](repeating: 0.5, count: classes), classes: classes, labels: [classes - 1])
        #expect(result.losses.values[0] == Float(log(Double(classes))), "\(kernels.name), \(classes)")
      }
    }
  }
}
