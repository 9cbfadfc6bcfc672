import Diagnostics
import Network
import Storage

/// Weights in the names and orders of another framework.
package enum WeightsExport {
  /// The tensors of a file for `format`, in the order of the layers; `weights` are those of the network.
  ///
  /// - Throws: as `ForeignTensor.all`.
  package static func tensors(
    _ weights: [NamedTensor], _ format: WeightFormat, _ graph: ModelGraph, _ table: ParameterTable
  ) throws(UserError) -> [NamedTensor] {
    let own = Dictionary(weights.map { ($0.name, $0.values) }) { first, _ in first }
    return try ForeignTensor.all(format, graph, table).compactMap { tensor in
      switch tensor.content {
      case .parameter(let number, let order):
        guard let values = own[table.parameters[number].name] else {
          preconditionFailure("The weights lack \(table.parameters[number].name).")
        }
        return NamedTensor(name: tensor.name, shape: tensor.shape, values: order.permuted(values))
      case .constant(let value):
        return NamedTensor(
          name: tensor.name, shape: tensor.shape,
          values: [Float](repeating: value, count: tensor.shape.reduce(1, *)))
      case .biasBeforeNorm: return nil
      }
    }
  }

  /// Writes them to a safetensors file, atomically.
  package static func write(
    _ weights: [NamedTensor], _ format: WeightFormat, _ graph: ModelGraph, _ table: ParameterTable, to path: String
  ) throws(UserError) {
    // What the frameworks' own safetensors packages look for.
    let framework = format == .keras ? "tf" : "pt"
    try Safetensors.write(try tensors(weights, format, graph, table), metadata: ["format": framework], to: path)
  }
}
