import Configuration
import Diagnostics
import Network
import Storage
import TestSupport
import Testing

@testable import Exchange

@Suite("ONNX models")
struct ONNXModelTests {
  private let window = Window(Extent(2), strides: Extent(2), padding: .same)

  /// One of each that has a parameter or an attribute worth looking at, over 3×3×2 bytes.
  private func example() -> ExchangeCase {
    var example = ExchangeCase(
      name: "small",
      model: ModelSpecification(
        input: ImageShape(height: 3, width: 3, channels: 2),
        layers: TestNetworks.named([
          LayerKind(Conv2D(filters: 2, Window(Extent(1, 2)), groups: 2)), .batchNorm, .relu,
          LayerKind(AveragePool2D(window)), .flatten, .dense(units: 2), .softmax,
        ])))
    example.source = .embeddedDigits
    example.mean = [0.5, 0.25]
    return example
  }

  private func decoded(_ example: ExchangeCase, folds: Bool = false) throws -> ProtobufReader {
    let export = ONNXExport(foldsNorms: folds, producerVersion: "1.2.3", metadata: [("weights_digest", "sha256:0")])
    let model = try export.model(example.configuration, weights: try example.weights())
    return try #require(ProtobufReader(model.message.bytes))
  }

  @Test("say their versions, their producer and their metadata")
  func envelope() throws {
    let model = try decoded(example())
    #expect(model.integers(1) == [8])
    #expect(model.texts(2) == ["lockstep"] && model.texts(3) == ["1.2.3"])
    #expect(model.messages(8).map { $0.texts(1) } == [[""]] && model.messages(8).map { $0.integers(2) } == [[17]])
    let entries = model.messages(14).map { $0.texts(1) + $0.texts(2) }
    #expect(
      entries == [
        ["weights_digest", "sha256:0"],
        ["class_names", "[\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]"],
      ])
  }

  @Test("take bytes N×H×W×C and give a row of probabilities, for any N")
  func ports() throws {
    let graph = try #require(decoded(example()).messages(7).first)
    func describe(_ port: ProtobufReader) throws -> (name: String, type: [Int], shape: [String]) {
      let tensor = try #require(port.messages(2).first?.messages(1).first)
      let shape = try #require(tensor.messages(2).first).messages(1)
        .map { ($0.texts(2) + $0.integers(1).map { "\($0)" }).joined() }
      return (port.texts(1).joined(), tensor.integers(1), shape)
    }
    let input = try describe(try #require(graph.messages(11).first))
    #expect(input.name == "images" && input.type == [2] && input.shape == ["batch", "3", "3", "2"])
    let output = try describe(try #require(graph.messages(12).first))
    #expect(output.name == "probabilities" && output.type == [1] && output.shape == ["batch", "2"])
  }

  @Test("have a node per layer, with the layer's settings")
  func nodes() throws {
    let graph = try #require(decoded(example()).messages(7).first)
    let nodes = graph.messages(1)
    #expect(
      nodes.map { $0.texts(4).joined() } == [
        "Cast", "Mul", "Add", "Transpose", "Conv", "BatchNormalization", "Relu", "AveragePool", "Transpose", "Flatten",
        "Gemm", "Softmax",
      ])
    func attributes(_ node: ProtobufReader) -> [String: [Int]] {
      Dictionary(uniqueKeysWithValues: node.messages(5).map { ($0.texts(1).joined(), $0.integers(3) + $0.integers(8)) })
    }
    #expect(
      attributes(nodes[4]) == [
        "dilations": [1, 1], "group": [2], "kernel_shape": [1, 2], "pads": [0, 0, 0, 0], "strides": [1, 1],
      ])
    // 3×2 pixels: `same` adds a row after the image, and leaves it out of the means.
    #expect(
      attributes(nodes[7]) == [
        "count_include_pad": [0], "kernel_shape": [2, 2], "pads": [0, 0, 1, 0], "strides": [2, 2],
      ])
    #expect(attributes(nodes[8]) == ["perm": [0, 2, 3, 1]])
    #expect(nodes[4].texts(1) == ["normalization/Transpose", "conv2d_1.weight", "conv2d_1.bias"])
    let epsilon = try #require(nodes[5].messages(5).first)
    #expect(epsilon.floats(2) == [1e-5] && epsilon.integers(20) == [1])
  }

  @Test("hold the weights in ONNX's order")
  func tensors() throws {
    let example = example()
    let graph = try #require(decoded(example).messages(7).first)
    let tensors = Dictionary(
      uniqueKeysWithValues: graph.messages(5).map { ($0.texts(8).joined(), ($0.integers(1), $0.floats(9))) })
    let weights = Dictionary(uniqueKeysWithValues: try example.weights().map { ($0.name, $0) })
    // [height 1, width 2, channels 1, filters 2] becomes [filters 2, channels 1, height 1, width 2].
    let kernel = try #require(weights["conv2d_1.weight"]).values
    #expect(tensors["conv2d_1.weight"]?.0 == [2, 1, 1, 2])
    #expect(tensors["conv2d_1.weight"]?.1 == [kernel[0], kernel[2], kernel[1], kernel[3]])
    #expect(tensors["dense_1.weight"]?.0 == [2, 4])
    #expect(tensors["dense_1.weight"]?.1 == weights["dense_1.weight"]?.values)
    #expect(tensors["batch_norm_1.running_var"]?.1 == weights["batch_norm_1.running_var"]?.values)
    #expect(tensors["normalization.factor"]?.1 == [Float(1.0 / 255)])
    #expect(tensors["normalization.shift"]?.1 == [-0.5, -0.25])
  }

  @Test("have no norm where it is part of the layer before it")
  func foldedNorms() throws {
    let example = example()
    let graph = try #require(decoded(example, folds: true).messages(7).first)
    #expect(!graph.messages(1).contains { $0.texts(4) == ["BatchNormalization"] })
    let weights = Dictionary(uniqueKeysWithValues: try example.weights().map { ($0.name, $0.values.map(Double.init)) })
    let tensors = Dictionary(uniqueKeysWithValues: graph.messages(5).map { ($0.texts(8).joined(), $0.floats(9)) })
    func value(_ name: String, _ index: Int) throws -> Double { try #require(weights[name])[index] }
    for filter in 0..<2 {
      let factor =
        try value("batch_norm_1.weight", filter) / (value("batch_norm_1.running_var", filter) + 1e-5).squareRoot()
      for tap in 0..<2 {
        let expected = try value("conv2d_1.weight", 2 * tap + filter) * factor
        #expect(tensors["conv2d_1.weight"]?[2 * filter + tap] == Float(expected))
      }
      let shift = try value("conv2d_1.bias", filter) - value("batch_norm_1.running_mean", filter)
      let expected = try shift * factor + value("batch_norm_1.bias", filter)
      #expect(tensors["conv2d_1.bias"]?[filter] == Float(expected))
    }
  }

  @Test("keep a norm whose input something else reads, too, or which follows no layer with weights")
  func normsThatStay() throws {
    var names = LayerNames()
    func layer(_ kind: LayerKind) -> ModelEntry {
      .layer(LayerSpecification(name: names.next(kind.typeName), kind: kind))
    }
    let example = ExchangeCase(
      name: "stays",
      model: ModelSpecification(
        input: ImageShape(height: 2, width: 2, channels: 1),
        entries: [
          layer(.batchNorm), layer(.conv2d(filters: 2, kernelSize: 1, padding: .same, algorithm: .auto)),
          .residual(ResidualBlock(name: "block", layers: TestNetworks.named([.batchNorm]))), layer(.flatten),
          layer(.dense(units: 3)), layer(.softmax),
        ]))
    let graph = try #require(decoded(example, folds: true).messages(7).first)
    #expect(graph.messages(1).filter { $0.texts(4) == ["BatchNormalization"] }.count == 2)
  }

  /// A kind of layer that is new has to get a form in ONNX before a net with it can be exported.
  @Test("exist for every kind of layer")
  func everyKindHasAForm() {
    for type in LayerRegistry.types + [Add.self] {
      #expect(
        type is any ONNXLayer.Type, "\(type.typeName) has no form in ONNX: ONNXLayers.swift holds those of all kinds")
    }
  }

  @Test("are refused above the limit of their format before anything is written")
  func size() throws {
    let folder = try TemporaryFolder()
    let model = try ONNXExport(producerVersion: "0").model(example().configuration, weights: try example().weights())
    let count = try model.write(to: folder.file("a.onnx"))
    #expect(try contents(ofFile: folder.file("a.onnx")) == model.message.bytes)
    #expect(count == model.message.byteCount)
    #expect(throws: UserError.self) { try model.write(to: folder.file("missing/a.onnx")) }
  }
}
