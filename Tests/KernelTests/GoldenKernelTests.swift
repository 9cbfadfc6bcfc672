import Diagnostics
import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

/// The post's own functions and float64 softmax against kernels and naive twins; see Tests/Fixtures/golden/README.md.
@Suite("Kernels against golden values")
struct GoldenKernelTests {
  // MARK: ReLU

  @Test("the post's ReLU")
  func relu() throws {
    let golden = try Golden("post")
    let (z, da) = (golden.floats("relu.z"), golden.floats("relu.da"))
    #expect(ReferenceReLU.forward(z.map(Double.init)) == golden.doubles("relu.a"))
    #expect(ReferenceReLU.backward(z.map(Double.init), da: da.map(Double.init)) == golden.doubles("relu.dz"))
    let count = (z.count + 15) / 16 * 16
    let padding = [Float](repeating: 0, count: count - z.count)
    for kernels in runnableKernels {
      let (x, dout) = (FloatBuffer(z + padding), FloatBuffer(da + padding))
      let (out, dx) = (FloatBuffer(count), FloatBuffer(count))
      kernels.activation(.relu, x.pointer, out.pointer, count)
      kernels.activationGradient(.relu, x.pointer, dout.pointer, dx.pointer, count)
      #expect([Float](out.values.prefix(z.count)) == golden.floats("relu.a"), "\(kernels.name)")
      #expect([Float](dx.values.prefix(z.count)) == golden.floats("relu.dz"), "\(kernels.name)")
    }
  }

  // MARK: Pooling

  /// Pools an NHWC tensor with channels padded to whole vectors, as maps have them.
  private func pool(
    _ kind: PoolKind, _ x: Tensor4, _ dout: Tensor4, _ kernels: KernelTable
  ) -> (out: [Double], dx: [Double]) {
    let stride = (x.channels + 15) / 16 * 16
    func padded(_ t: Tensor4) -> FloatBuffer {
      let buffer = FloatBuffer(t.count * t.height * t.width * stride, fill: 0)
      for pixel in 0..<t.count * t.height * t.width {
        for c in 0..<t.channels { buffer.pointer[pixel * stride + c] = Float(t.values[pixel * t.channels + c]) }
      }
      return buffer
    }
    func unpadded(_ buffer: FloatBuffer) -> [Double] {
      let values = buffer.values
      return (0..<values.count / stride).flatMap { pixel in
        (0..<x.channels).map { Double(values[pixel * stride + $0]) }
      }
    }
    let (source, gradient) = (padded(x), padded(dout))
    let (out, dx) = (FloatBuffer(gradient.count), FloatBuffer(source.count))
    let (row, outRow) = (x.width * stride, dout.width * stride)
    let p = PoolArguments(
      images: x.count, outHeight: dout.height, outWidth: dout.width, channels: stride, xRow: row,
      xImage: x.height * row, outRow: outRow, outImage: dout.height * outRow, dxRow: row, dxImage: x.height * row,
      doutRow: outRow, doutImage: dout.height * outRow, inputReLU: nil)
    let mask = MaskBuffer(p)
    kernels.poolForward(kind, p, source.pointer, out.pointer, mask.pointer)
    kernels.poolBackward(kind, p, mask.pointer, gradient.pointer, dx.pointer)
    #expect(out.isIntact && dx.isIntact)
    return (unpadded(out), unpadded(dx))
  }

  @Test(
    "the post's max pooling: every near-maximum gets the gradient, or the first maximum",
    arguments: try Golden.cases(of: "post", "max_"))
  func maxPooling(name: String) throws {
    let golden = try Golden("post")
    let (x, dout) = (golden.tensor4("\(name).x"), golden.tensor4("\(name).dout"))
    let out = golden.doubles("\(name).out")
    for kernels in runnableKernels {
      let all = pool(.maxAll, x, dout, kernels)
      #expect(all.out == out, "\(kernels.name)")
      #expect(all.dx == golden.doubles("\(name).dx"), "\(kernels.name)")
      let first = pool(.maxFirst, x, dout, kernels)
      #expect(first.out == out, "\(kernels.name)")
      #expect(first.dx == golden.doubles("\(name).dx_first"), "\(kernels.name)")
    }
    let first = ReferencePooling(.maxFirst)
    #expect(first.forward(x).values == out)
    #expect(first.inputGradient(x, dout: dout).values == golden.doubles("\(name).dx_first"))
    let all = ReferencePooling(.maxAll)
    #expect(all.forward(x).values == out)
    // On the threshold itself the rounding of the tolerance decides, and the twin computes it in Double.
    if name != "max_threshold" {
      var ones = dout
      ones.values = ones.values.map { _ in 1 }
      #expect(all.inputGradient(x, dout: ones).values == golden.doubles("\(name).mask"))
      #expect(all.inputGradient(x, dout: dout).values == golden.doubles("\(name).dx"))
    }
  }

  /// By the post's words, "the mean of the four values of each patch", not by its code.
  ///
  /// `x_patches` is [m, h/2, 2, w/2, 2, c]; the code's `mean(axis=3).mean(axis=4)` averages over w/2 and then, as one
  /// axis is gone, over c. What is left, [m, h/2, 2, 2], is not a pooled image. The text and the backward pass (0.25 to
  /// each of the four) agree with each other; the fixture's script asserts the code's shape.
  @Test("average pooling, by the post's words", arguments: ["average", "average_wide"])
  func averagePooling(name: String) throws {
    let golden = try Golden("post")
    let (x, dout) = (golden.tensor4("\(name).x"), golden.tensor4("\(name).dout"))
    for kernels in runnableKernels {
      let result = pool(.average, x, dout, kernels)
      #expect(result.out == golden.doubles("\(name).out"), "\(kernels.name)")
      #expect(result.dx == golden.doubles("\(name).dx"), "\(kernels.name)")
    }
    let twin = ReferencePooling(.average)
    #expect(twin.forward(x).values == golden.doubles("\(name).out"))
    #expect(twin.inputGradient(x, dout: dout).values == golden.doubles("\(name).dx"))
  }

  // MARK: Softmax

  @Test("softmax with cross-entropy", arguments: try Golden.cases(of: "softmax"))
  func softmax(name: String) throws {
    let golden = try Golden("softmax")
    let logits = golden.tensor4("\(name).logits")
    let labels = golden.floats("\(name).labels").map { Int($0) }
    let (m, classes) = (logits.count, logits.channels)
    let (probabilities, dz) = (golden.doubles("\(name).probabilities"), golden.doubles("\(name).dz"))
    let losses = golden.doubles("\(name).losses")

    let twin = ReferenceSoftmax.evaluate(logits.values, classes: classes, labels: labels)
    #expect(worst(twin.probabilities, probabilities) <= 1e-7)
    #expect(worst(twin.dz, dz) <= 1e-7)
    let mean = golden.doubles("\(name).mean_loss")[0]
    #expect(abs(twin.loss - mean) <= 1e-7 * max(1, mean))

    let stride = (classes + 15) / 16 * 16
    let z = FloatBuffer(m * stride, fill: 0)
    for n in 0..<m {
      for k in 0..<classes { z.pointer[n * stride + k] = Float(logits[n, 0, 0, k]) }
    }
    let labelBuffer = Int32Buffer(labels)
    for kernels in runnableKernels {
      let (y, gradient, loss) = (FloatBuffer(m * stride), FloatBuffer(m * stride), FloatBuffer(m))
      let correct = Int32Buffer([Int](repeating: 0, count: m))
      kernels.softmax(
        SoftmaxArguments(
          examples: m, classes: classes, logits: z.pointer, stride: stride, labels: labelBuffer.pointer,
          probabilities: y.pointer, gradient: gradient.pointer, gradientStride: stride, losses: loss.pointer,
          correct: correct.pointer))
      func rows(_ buffer: FloatBuffer) -> [Double] {
        let values = buffer.values
        return (0..<m).flatMap { n in (0..<classes).map { Double(values[n * stride + $0]) } }
      }
      #expect(worst(rows(y), probabilities) <= 1e-6, "\(kernels.name)")
      #expect(worst(rows(gradient), dz) <= 1e-6, "\(kernels.name)")
      for (actual, expected) in zip(loss.values, losses) {
        #expect(abs(Double(actual) - expected) <= 1e-6 * max(1, expected), "\(kernels.name)")
      }
    }
  }

  /// Largest absolute difference.
  private func worst(_ a: [Double], _ b: [Double]) -> Double {
    precondition(a.count == b.count, "Arrays of \(a.count) and \(b.count) elements are compared.")
    return zip(a, b).map { abs($0 - $1) }.max() ?? 0
  }

  @Test("the fixtures hold the cases, and one that is missing or empty fails its tests")
  func fixturesAreThere() throws {
    #expect(try Golden.cases(of: "post", "max_").count >= 7)
    #expect(try Golden.cases(of: "softmax").count >= 7)
    #expect(throws: UserError.self) { try Golden.cases(of: "absent") }
    #expect(throws: Golden.NoCases.self) { try Golden.cases(of: "post", "absent_") }
  }
}
