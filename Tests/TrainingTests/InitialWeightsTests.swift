import Storage
import TestSupport
import Testing

@testable import Network
@testable import Training

@Suite("Initial weights")
struct InitialWeightsTests {
  /// A grouped and a plain convolution, one of single channels, a dense layer.
  private func weights(_ initializer: Initializer, workers: Int = 2) throws -> [NamedTensor] {
    let model = ModelSpecification(
      input: ImageShape(height: 9, width: 8, channels: 6),
      layers: TestNetworks.named([
        LayerKind(Conv2D(filters: 40, Window(Extent(4, 3), padding: .same), initializer: initializer)),
        LayerKind(Conv2D(filters: 60, Window(Extent(3), padding: .same), groups: 4, initializer: initializer)),
        LayerKind(DepthwiseConv2D(Window(Extent(5), padding: .same), multiplier: 2, initializer: initializer)),
        .averagePool2d, .flatten, LayerKind(Dense(units: 33, initializer: initializer)), .softmax,
      ]))
    let run = TestRun(model).with { $0.workers = workers }
    return try run.trainer(.synthetic(model, 4, classes: 33)).weights()
  }

  /// PyTorch's fans: those of the tensor's shape, with the filters of all groups.
  private static func fans(_ tensor: NamedTensor) -> (inputs: Double, outputs: Double) {
    let shape = tensor.shape
    switch tensor.name {
    case "dense_1.weight": return (Double(shape[1]), Double(shape[0]))
    case "depthwise_conv2d_1.weight": return (25, Double(25 * shape[2] * shape[3]))
    default: return (Double(shape[0] * shape[1] * shape[2]), Double(shape[0] * shape[1] * shape[3]))
    }
  }

  @Test("are uniform between the limits of He and Glorot", arguments: [Initializer.heUniform, .glorotUniform])
  func uniform(_ initializer: Initializer) throws {
    for tensor in try weights(initializer) where tensor.name.hasSuffix(".weight") {
      let (inputs, outputs) = Self.fans(tensor)
      let limit = (6 / (initializer == .heUniform ? inputs : inputs + outputs)).squareRoot()
      let scaled = tensor.values.map { Double($0) / limit }
      let n = Double(scaled.count)
      #expect(
        scaled.allSatisfy { abs($0) <= 1.0000001 } && scaled.contains { $0 < -0.95 } && scaled.contains { $0 > 0.95 })
      // Five standard errors of mean and variance.
      #expect(abs(scaled.reduce(0, +) / n) < 5 / (3 * n).squareRoot(), "\(tensor.name)")
      #expect(abs(scaled.reduce(0) { $0 + $1 * $1 } / n - 1.0 / 3) < 5 * (4.0 / 45 / n).squareRoot(), "\(tensor.name)")
    }
  }

  /// As PyTorch's `dirac_` with groups: in each, output k reads channel k at the kernel's middle.
  @Test("repeat the input where they are Dirac's")
  func dirac() throws {
    let all = try weights(.dirac)
    for (name, groups) in [("conv2d_1", 1), ("conv2d_2", 4), ("depthwise_conv2d_1", 60)] {
      let tensor = try #require(all.first { $0.name == "\(name).weight" })
      let isDepthwise = name.hasPrefix("depthwise")
      let (height, width) = (tensor.shape[0], tensor.shape[1])
      let channels = isDepthwise ? 1 : tensor.shape[2]
      let filters = isDepthwise ? tensor.shape[2] * tensor.shape[3] : tensor.shape[3]
      var expected = [Float](repeating: 0, count: tensor.values.count)
      for group in 0..<groups {
        for d in 0..<min(channels, filters / groups) {
          let position = height / 2 * width + width / 2
          expected[(position * channels + d) * filters + group * (filters / groups) + d] = 1
        }
      }
      #expect(tensor.values == expected, "\(name)")
      #expect(expected.contains(1))
    }
    let dense = try #require(all.first { $0.name == "dense_1.weight" })
    #expect(dense.values.enumerated().allSatisfy { $1 == ($0 / dense.shape[1] == $0 % dense.shape[1] ? 1 : 0) })
  }

  /// PyTorch's default, `kaiming_uniform_` with a = √5, where `dirac_` has zeros.
  @Test("repeat the input in part, and are uniform in the outputs that are left")
  func partialDirac() throws {
    for (tensor, whole) in zip(try weights(.partialDirac), try weights(.dirac)) where tensor.name.hasSuffix(".weight") {
      let (inputs, _) = Self.fans(tensor)
      let isDense = tensor.name == "dense_1.weight"
      // Values of one output lie side by side in a dense layer, and far apart in a convolution.
      let outputs =
        isDense ? tensor.shape[0] : tensor.shape[3] * (tensor.name.hasPrefix("depthwise") ? tensor.shape[2] : 1)
      func values(_ tensor: NamedTensor, _ output: Int) -> [Float] {
        tensor.values.indices.filter { (isDense ? $0 / tensor.shape[1] : $0 % outputs) == output }.map {
          tensor.values[$0]
        }
      }
      var drawn: [Double] = []
      for output in 0..<outputs {
        let (own, diracs) = (values(tensor, output), values(whole, output))
        if diracs.contains(1) {
          #expect(own == diracs, "\(tensor.name), output \(output)")
        } else {
          drawn += own.map { Double($0) * inputs.squareRoot() }
        }
      }
      #expect(isDense == drawn.isEmpty, "\(tensor.name)")
      #expect(drawn.allSatisfy { abs($0) <= 1.0000001 })
      if drawn.count > 100 {
        #expect(abs(drawn.reduce(0) { $0 + $1 * $1 } / Double(drawn.count) - 1.0 / 3) < 0.1, "\(tensor.name)")
      }
    }
  }

  @Test("are the same for any number of workers; biases are 0", arguments: Initializer.anywhere)
  func workers(_ initializer: Initializer) throws {
    let expected = try weights(initializer, workers: 1)
    for tensor in expected {
      let isZero = initializer == .zeros || tensor.name.hasSuffix(".bias")
      #expect(tensor.values.allSatisfy { $0 == 0 } == isZero, "\(tensor.name)")
    }
    for workers in [2, 5] { #expect(try weights(initializer, workers: workers) == expected) }
  }
}
