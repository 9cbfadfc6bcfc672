import Configuration
import Foundation
import Network
import Storage
import TestSupport
import Testing
import Training

@testable import Exchange

/// Every preset, a net for every activation and 50 random nets in every format.
///
/// `make test-onnx` and `make test-frameworks` name a folder, `LOCKSTEP_EXCHANGE_FOLDER`, into which each is written with
/// images and this program's probabilities, for the scripts in Tests/Exchange.
@Suite("Nets for other programs")
struct ExchangeNetworkTests {
  private static let folder = ProcessInfo.processInfo.environment["LOCKSTEP_EXCHANGE_FOLDER"]

  static let cases: [ExchangeCase] =
    ExchangeCase.presets + ExchangeCase.activations + (1...50).compactMap { try? ExchangeCase.random(UInt64($0)) }

  @Test("ONNX graphs have nodes that read what is there", arguments: cases)
  func graph(_ example: ExchangeCase) throws {
    let weights = try example.weights()
    for folds in [false, true] {
      let export = ONNXExport(pixels: example.isFloat ? .f32 : .u8, foldsNorms: folds, producerVersion: "0")
      let model = try export.model(example.configuration, weights: weights)
      check(model)
      if let folder = Self.folder {
        try model.write(to: "\(folder)/\(example.name)\(folds ? ".folded" : "").onnx")
      }
    }
  }

  @Test("weights in another framework's names and orders come back the same", arguments: cases)
  func weights(_ example: ExchangeCase) throws {
    let weights = try example.weights()
    let (graph, table) = (try ModelGraph(example.model), try ParameterTable.of(example.configuration))
    let files = try TemporaryFolder()
    for format in WeightFormat.exported {
      let path = "\(Self.folder ?? files.path)/\(example.name).\(format.rawValue).safetensors"
      try WeightsExport.write(weights, format, graph, table, to: path)
      let found = try WeightsImport(path, format, graph, table)
      #expect(found.ignored == [])
      #expect(zip(found.values, weights).allSatisfy { $0 == $1.values } && found.values.count == weights.count)
    }
    if let folder = Self.folder { try write(example, weights, to: folder) }
  }

  @Test("there are fifty random ones, with every kind of layer")
  func coverage() throws {
    #expect(Self.cases.count == ExchangeCase.presets.count + ExchangeCase.activations.count + 50)
    let kinds = Set(Self.cases.flatMap { $0.model.layers.map(\.kind.typeName) })
    #expect(kinds.isSuperset(of: LayerRegistry.typeNames + [Add.typeName]), "\(kinds.sorted())")
    #expect(Self.cases.contains { $0.isFloat } && Self.cases.contains { $0.mean.count > 1 })
  }

  /// The configuration, the images, and what this program computes.
  private func write(_ example: ExchangeCase, _ weights: [NamedTensor], to folder: String) throws {
    let probabilities = try example.probabilities(weights)
    let input = example.model.input
    try AtomicFile.write(example.configuration.jsonText, to: "\(folder)/\(example.name).json")
    try Safetensors.write(
      [
        NamedTensor(
          name: "images", shape: [example.examples, input.height, input.width, input.channels], values: example.pixels),
        NamedTensor(
          name: "probabilities", shape: [example.examples, probabilities.count / example.examples],
          values: probabilities),
      ], metadata: ["pixels": example.isFloat ? "f32" : "u8"], to: "\(folder)/\(example.name).expected.safetensors")
  }

  private func check(_ model: ONNXModel) {
    var values: Set<String> = [model.input.name]
    for tensor in model.tensors {
      #expect(values.insert(tensor.name).inserted, "\(tensor.name) is there twice")
      #expect(tensor.values.count == tensor.shape.reduce(1, *), "\(tensor.name)")
    }
    for node in model.nodes {
      #expect(node.inputs.allSatisfy(values.contains), "\(node.name) reads \(node.inputs)")
      #expect(values.insert(node.output).inserted, "\(node.output) is there twice")
      #expect(node.attributes.map(\.name) == node.attributes.map(\.name).sorted(), "\(node.name)")
    }
    #expect(model.nodes.last?.output == model.output.name)
    let read = Set(model.nodes.flatMap(\.inputs))
    #expect(values.subtracting(read) == [model.output.name])
    #expect(Set(model.nodes.map(\.name)).count == model.nodes.count)
  }
}
