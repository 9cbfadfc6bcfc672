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

  /// The parameters of the last layer with any, where the tensors have all of them with another number of outputs; empty
  /// where they fit, or differ in anything else.
  func headMisfits(_ tensors: [(name: String, shape: [Int])]) -> [(name: String, shape: [Int], needed: [Int])] {
    guard let last = parameters.last else { return [] }
    let layer = last.name.dropLast(last.specification.part.count)
    var misfits: [(name: String, shape: [Int], needed: [Int])] = []
    for parameter in parameters where parameter.name == layer + parameter.specification.part {
      guard let shape = tensors.first(where: { $0.name == parameter.name })?.shape,
        let outputs = parameter.outputAxis(shape), shape[outputs] != parameter.shape[outputs]
      else { return [] }
      misfits.append((parameter.name, shape, parameter.shape))
    }
    return misfits
  }

  /// The tensors of a flat buffer in layer order, weight before bias, in their public layouts.
  ///
  /// - Parameter trainedAlone: of the trained parameters, whose floats come first.
  package func named(_ flat: UnsafePointer<Float>, trainedAlone: Bool = false) -> [NamedTensor] {
    parameters.filter { $0.isTrained || !trainedAlone }
      .map { NamedTensor(name: $0.name, shape: $0.shape, values: unpack($0, from: flat)) }
  }
}

extension Parameter {
  /// The axis of the outputs, if `shape` differs from the parameter's in no other.
  fileprivate func outputAxis(_ shape: [Int]) -> Int? {
    let axis = specification.layout == .dense ? 0 : self.shape.count - 1
    guard shape.count == self.shape.count, shape.indices.allSatisfy({ $0 == axis || shape[$0] == self.shape[$0] })
    else {
      return nil
    }
    return axis
  }
}
