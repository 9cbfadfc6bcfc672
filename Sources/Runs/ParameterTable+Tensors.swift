import Diagnostics
import Network
import Storage

extension ParameterTable {
  /// Refuses names and shapes that are not those of the parameters; `subject` is what errors call them.
  ///
  /// - Throws: `UserError(.badData)` if a parameter is missing, unknown or of another shape.
  package func requireMatch(
    _ tensors: [(name: String, shape: [Int])], subject: String, trainedAlone: Bool = false
  ) throws(UserError) {
    var shapes: [String: [Int]] = [:]
    for tensor in tensors { shapes[tensor.name] = tensor.shape }
    for parameter in parameters where parameter.isTrained || !trainedAlone {
      guard let shape = shapes.removeValue(forKey: parameter.name) else {
        throw UserError(
          .badData, subject, "lacks the tensor \(parameter.name) of shape \(parameter.shape) that the network has")
      }
      guard shape == parameter.shape else {
        throw UserError(
          .badData, subject,
          "the tensor \(parameter.name) has shape \(shape), but the network needs \(parameter.shape)")
      }
    }
    if let extra = shapes.keys.min() {
      throw UserError(.badData, subject, "has a tensor \(extra.prefix(80)) that the network does not have")
    }
  }

  /// The tensors of a flat buffer in layer order, weight before bias, in their public layouts.
  ///
  /// - Parameter trainedAlone: of the trained parameters, whose floats come first.
  package func named(_ flat: UnsafePointer<Float>, trainedAlone: Bool = false) -> [NamedTensor] {
    parameters.filter { $0.isTrained || !trainedAlone }
      .map { NamedTensor(name: $0.name, shape: $0.shape, values: unpack($0, from: flat)) }
  }
}
