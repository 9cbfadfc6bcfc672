import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

@testable import Network

/// Convolution and fully connected layers against values computed outside; see Tests/Fixtures/golden/README.md.
@Suite("Layers against golden values")
struct GoldenLayerTests {
  /// Largest |a − b| over the largest |b|; both must have an element.
  private func error(_ a: [Float], _ b: [Float]) -> Double {
    worstRelativeError(a.map(Double.init), b.map(Double.init))
  }

  private static func convolutionCases() throws -> [String] {
    try ["convolution", "convolution-tiles"].flatMap { file in
      try Golden.cases(of: file).map { "\(file)/\($0)" }
    }
  }

  @Test("convolution, direct and Winograd, and its naive twin", arguments: try convolutionCases())
  func convolution(path: String) throws {
    let parts = path.split(separator: "/").map(String.init)
    let golden = try Golden(parts[0])
    let name = parts[1]
    let padding: Padding = name.hasPrefix("same") ? .same : .valid
    let weight = golden.tensor("\(name).w")
    let (size, filters) = (weight.shape[0], weight.shape[3])
    let x = golden.tensor4("\(name).x")
    let m = Double(x.count)

    let twin = ReferenceConvolution(Window(Extent(size), padding: padding).reference, filters: filters)
    let dz = golden.tensor4("\(name).dz")
    let z = twin.forward(x, w: golden.doubles("\(name).w"), bias: golden.doubles("\(name).b"))
    #expect(worstRelativeError(z.values, golden.doubles("\(name).z")) <= 1e-7)
    let gradients = twin.parameterGradients(x, dz: dz)
    #expect(worstRelativeError(gradients.dw, golden.doubles("\(name).dw")) <= 1e-7)
    #expect(worstRelativeError(gradients.db, golden.doubles("\(name).db")) <= 1e-7)
    let dx = twin.inputGradient(x, dz: dz, w: golden.doubles("\(name).w"))
    #expect(worstRelativeError(dx.values, golden.doubles("\(name).dx")) <= 1e-7)

    for (algorithm, tolerance) in [(ConvolutionAlgorithm.direct, 2e-6), (.winograd, 1e-4)] {
      if algorithm == .winograd, size != 3, size != 5 { continue }
      let results = try runnableKernels.map { kernels in
        try LayerProbe.run(
          .conv2d(filters: filters, kernelSize: size, padding: padding, algorithm: algorithm), x: x,
          weight: weight.values, bias: golden.floats("\(name).b"), dz: golden.floats("\(name).dz"), kernels: kernels)
      }
      for (result, kernels) in zip(results, runnableKernels) {
        let context = "\(name), \(algorithm), \(kernels.name)"
        #expect(error(result.z, golden.floats("\(name).z")) <= tolerance, "z, \(context)")
        #expect(
          error(result.dw.map { Float(Double($0) / m) }, golden.floats("\(name).dw")) <= tolerance, "dw, \(context)")
        #expect(
          error(result.db.map { Float(Double($0) / m) }, golden.floats("\(name).db")) <= tolerance, "db, \(context)")
        #expect(error(result.dx, golden.floats("\(name).dx")) <= tolerance, "dx, \(context)")
        #expect(result == results[0], "bits, \(context)")
      }
    }
  }

  /// The post's `fc_backward` as printed: `dZ = dA ⊙ (a > 0)`, `dW` and `db` with 1/m, `dx = Wᵀ·dZ`.
  @Test("the post's fully connected layer", arguments: ["dense", "dense_one", "dense_wide"])
  func dense(name: String) throws {
    let golden = try Golden("post")
    let x = golden.tensor4("\(name).x")
    let (inputs, outputs) = (x.channels, golden.tensor("\(name).b").shape[0])
    let (a, da) = (golden.floats("\(name).a"), golden.floats("\(name).da"))
    let dz = zip(a, da).map { $0 > 0 ? $1 : 0 }
    #expect(a.contains(0), "the case covers a = 0")

    let twin = ReferenceDense(inputs: inputs, outputs: outputs)
    let twinDZ = ReferenceReLU.backward(a.map(Double.init), da: da.map(Double.init))
    #expect(twinDZ == dz.map(Double.init))
    let gradients = twin.backward(x.values, dz: twinDZ, w: golden.doubles("\(name).w"))
    let z = twin.forward(x.values, w: golden.doubles("\(name).w"), bias: golden.doubles("\(name).b"))
    for (actual, tensor) in [(z, "z"), (gradients.dw, "dw"), (gradients.db, "db"), (gradients.da, "dx")] {
      #expect(worstRelativeError(actual, golden.doubles("\(name).\(tensor)")) <= 1e-7, "\(tensor)")
    }

    for kernels in runnableKernels {
      let result = try LayerProbe.run(
        .dense(units: outputs), x: x, weight: golden.floats("\(name).w"), bias: golden.floats("\(name).b"), dz: dz,
        kernels: kernels)
      let m = Float(x.count)
      for (actual, tensor) in [
        (result.z, "z"), (result.dw.map { $0 / m }, "dw"), (result.db.map { $0 / m }, "db"), (result.dx, "dx"),
      ] {
        #expect(error(actual, golden.floats("\(name).\(tensor)")) <= 1e-6, "\(tensor), \(kernels.name)")
      }
    }
  }
}
