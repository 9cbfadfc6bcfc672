import Collectives
import Diagnostics
import Network
import Storage

extension SharedState {
  /// He-normal weights and zero biases, drawn by all workers of `group`; see `InitialWeights`.
  func initializeWeights(seed: UInt64, group: WorkerGroup) throws {
    try group.run { [self] context in
      for (index, parameter) in plan.network.parameters.parameters.enumerated() {
        let count = parameter.elementCount
        InitialWeights.write(
          parameter, elements: count * context.index / context.count..<count * (context.index + 1) / context.count,
          index: index, seed: seed, into: weights)
      }
    }
  }

  /// Takes weights in their public layouts; `source` is the file they come from.
  ///
  /// - Throws: `UserError(.badData)` where a parameter is missing, unknown or of another shape.
  func setWeights(_ tensors: [NamedTensor], source: String = "weights") throws {
    try set(weights, tensors, subject: source)
  }

  /// Takes the state after a checkpoint's last step; throws as `setWeights`.
  ///
  /// A stored one is read tensor by tensor, so that resuming takes no more memory than starting.
  func restore(_ checkpoint: Checkpoint) throws {
    let (parameters, momentum) = (checkpoint.source, "\(checkpoint.source) (momentum)")
    guard checkpoint.isStored else {
      try set(weights, checkpoint.parameters, subject: parameters)
      return try set(velocity, checkpoint.velocity, subject: momentum)
    }
    let table = plan.network.parameters
    let byName = Dictionary(uniqueKeysWithValues: table.parameters.map { ($0.name, $0) })
    try checkpoint.forEachStoredTensor { (stored, storedVelocity) throws(UserError) in
      try requireFits(stored.map { ($0.name, $0.shape) }, subject: parameters)
      try requireFits(storedVelocity.map { ($0.name, $0.shape) }, subject: momentum)
    } _: { (tensor, isVelocity) throws(UserError) in
      if let parameter = byName[tensor.name] {
        table.pack(parameter, tensor.values, into: isVelocity ? velocity : weights)
      }
    }
  }

  private func set(_ flat: UnsafeMutablePointer<Float>, _ tensors: [NamedTensor], subject: String) throws(UserError) {
    try requireFits(tensors.map { ($0.name, $0.shape) }, subject: subject)
    let table = plan.network.parameters
    var byName: [String: NamedTensor] = [:]
    for tensor in tensors { byName[tensor.name] = tensor }
    for parameter in table.parameters {
      if let tensor = byName[parameter.name] { table.pack(parameter, tensor.values, into: flat) }
    }
  }

  /// Refuses tensors that are not those of the network.
  private func requireFits(_ tensors: [(name: String, shape: [Int])], subject: String) throws(UserError) {
    var shapes: [String: [Int]] = [:]
    for tensor in tensors { shapes[tensor.name] = tensor.shape }
    for parameter in plan.network.parameters.parameters {
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

  /// The parameters in layer order, weight before bias, in their public layouts.
  func namedWeights() -> [NamedTensor] { plan.network.parameters.named(weights) }

  /// The layers that have a weight, bias or momentum that is not finite, in layer order.
  func nonFiniteParameters() -> [String] {
    plan.network.parameters.parameters.filter { parameter in
      let range = parameter.offset..<parameter.offset + parameter.packedCount
      return !range.allSatisfy { weights[$0].isFinite && velocity[$0].isFinite }
    }.map(\.name)
  }
}

extension ParameterTable {
  /// The tensors of a flat buffer in layer order, weight before bias, in their public layouts.
  func named(_ flat: UnsafePointer<Float>) -> [NamedTensor] {
    parameters.map { NamedTensor(name: $0.name, shape: $0.shape, values: unpack($0, from: flat)) }
  }
}

/// The digest that the promise of equal bits is checked by.
package enum WeightsDigest {
  /// `sha256:` of the little-endian bytes of all values, in the order given.
  package static func of(_ tensors: [NamedTensor]) -> String {
    var hash = SHA256()
    for tensor in tensors {
      tensor.values.withUnsafeBytes { bytes in
        #if _endian(little)
          hash.update(bytes)
        #else
          for value in tensor.values { withUnsafeBytes(of: value.bitPattern.littleEndian) { hash.update($0) } }
        #endif
      }
    }
    return hash.text
  }
}
