import Diagnostics
import Network
import Storage

/// Weights of another framework for a network, read from a safetensors file.
package struct WeightsImport: Sendable {
  /// The network's parameters in its order; `nil` for those of a new head.
  package private(set) var values: [[Float]?]
  /// Names in the file that were left out, ascending.
  package private(set) var ignored: [String] = []

  /// Reads the file at `path`, which must have the network's tensors in the framework's names and shapes, and no others.
  ///
  /// - Parameter newHead: whether the dense layers at the network's end may be others than the file's; those that do not fit
  ///   have no values then.
  /// - Throws: `UserError`: `.inputMissing`; `.badData` with every tensor that is missing, unknown or of another shape.
  package init(
    _ path: String, _ format: WeightFormat, _ graph: ModelGraph, _ table: ParameterTable, newHead: Bool = false
  ) throws(UserError) {
    let expected = try ForeignTensor.all(format, graph, table)
    let reader = try SafetensorsReader(try ByteInput(path: path), types: [.f32, .i64, .u32])
    var found: [String: SafetensorsReader.Tensor] = [:]
    for tensor in reader.tensors { found[tensor.name] = tensor }

    let head = newHead ? Self.head(graph) : []
    // A layer of the head is as in the file, or new as a whole.
    let isNew = Set(expected.filter { head.contains($0.layer) && found[$0.name]?.shape != $0.shape }.map(\.layer))
    let prefixes = Set(expected.filter { head.contains($0.layer) }.map { Self.stem($0.name) })

    var mistakes: [UserError] = []
    var wanted: [String: ForeignTensor] = [:]
    for tensor in expected where !isNew.contains(tensor.layer) {
      guard let there = found[tensor.name] else {
        if tensor.isOptional { continue }
        mistakes.append(UserError(.badData, tensor.name, "is missing; the network needs it with shape \(tensor.shape)"))
        continue
      }
      guard there.shape == tensor.shape, there.type == .f32 else {
        mistakes.append(
          UserError(
            .badData, tensor.name,
            "is \(there.type.rawValue) of shape \(there.shape); the network needs F32 of shape \(tensor.shape)"))
        continue
      }
      wanted[tensor.name] = tensor
    }
    let known = Set(expected.map(\.name))
    for name in found.keys.sorted() where wanted[name] == nil {
      if format.isCounter(name) || newHead && prefixes.contains(Self.stem(name)) {
        ignored.append(name)
      } else if !known.contains(name) {
        mistakes.append(UserError(.badData, name, "the network has no such tensor"))
      }
    }
    guard mistakes.isEmpty else { throw UserError(.badData, path, parts: mistakes, of: mistakes.count) }

    values = [[Float]?](repeating: nil, count: table.parameters.count)
    var biases: [(runningMean: Int, values: [Float])] = []
    for tensor in reader.tensors {
      let target = wanted[tensor.name]
      let floats = try reader.read(tensor, keeps: target != nil) { _ in }
      guard let target else { continue }
      try [NamedTensor(name: tensor.name, shape: tensor.shape, values: floats)].requireFinite(source: path)
      switch target.content {
      case .parameter(let number, let order): values[number] = order.restored(floats)
      case .biasBeforeNorm(let mean): biases.append((mean, floats))
      case .constant(let value):
        guard floats.allSatisfy({ $0 == value }) else {
          throw UserError(
            .badData, path,
            "the tensor \(tensor.name) holds other values than \(value), and the network has none there",
            hint: "center: true, scale: true of the batch_norm learn both")
        }
      }
    }
    for (mean, bias) in biases { values[mean] = values[mean].map { zip($0, bias).map { $0 - $1 } } }
  }

  /// The dense layers after the last layer with weights of another kind, by their numbers.
  private static func head(_ graph: ModelGraph) -> Set<Int> {
    let withWeights = graph.layers.indices.filter { !graph.parameters(of: graph.layers[$0]).isEmpty }
    return Set(withWeights.reversed().prefix { graph.layers[$0].kind.type is Dense })
  }

  /// The first module of a name: `classifier` of `classifier.6.weight`.
  private static func stem(_ name: String) -> Substring { name.prefix { $0 != "." && $0 != "/" } }
}
