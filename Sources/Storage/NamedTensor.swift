import Diagnostics

/// A named array of floats in its public layout, row-major over `shape`.
package struct NamedTensor: Sendable, Hashable {
  package var name: String
  package var shape: [Int]
  package var values: [Float]

  package init(name: String, shape: [Int], values: [Float]) {
    self.name = name
    self.shape = shape
    self.values = values
  }
}

extension [NamedTensor] {
  /// Refuses tensors with a value that is not finite, naming the first.
  ///
  /// - Parameter source: what the error calls the tensors, such as their file.
  /// - Throws: `UserError(.badData)`.
  package func requireFinite(source: String) throws(UserError) {
    for tensor in self {
      guard let index = tensor.values.firstIndex(where: { !$0.isFinite }) else { continue }
      throw UserError(
        .badData, source,
        "the tensor \(tensor.name) holds \(tensor.values[index].plainText) as value \(index + 1) of "
          + "\(tensor.values.count); allowed: finite numbers")
    }
  }
}
