import Collectives
import Diagnostics
import Network
import Runs
import Storage

extension SharedState {
  /// The weights that each layer starts with, drawn by all workers of `group`; see `InitialWeights`.
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

  /// Takes some of the weights, in their public layouts.
  func replaceWeights(_ tensors: [NamedTensor]) {
    let table = plan.network.parameters
    for tensor in tensors {
      guard let parameter = table.parameters.first(where: { $0.name == tensor.name }) else {
        fatalError("There is no parameter \(tensor.name).")
      }
      table.pack(parameter, tensor.values, into: weights)
    }
  }

  /// Takes weights in their public layouts; `source` is the file they come from.
  ///
  /// - Throws: `UserError(.badData)` if a parameter is missing, unknown or of another shape.
  func setWeights(_ tensors: [NamedTensor], source: String = "weights") throws {
    try set(weights, tensors, subject: source)
  }

  /// Takes the state after a checkpoint's last step; throws as `setWeights`.
  ///
  /// A stored one is read tensor by tensor, so that resuming takes no more memory than starting.
  /// - Parameter snapshot: takes the optimizer's whole state, of which rank 0 of a job has only a part in the end.
  func restore(_ checkpoint: Checkpoint, over snapshot: Snapshot? = nil) throws(UserError) {
    func floats(of slot: StateSlot) -> UnsafeMutablePointer<Float>? { self.floats(of: slot, snapshot) }
    func subject(_ slot: StateSlot?) -> String { checkpoint.source + (slot.map { " (\($0.name))" } ?? "") }
    guard checkpoint.isStored else {
      try set(weights, checkpoint.parameters, subject: subject(nil))
      for slot in stateSlots {
        guard let buffer = floats(of: slot) else { continue }
        try set(buffer, checkpoint.tensors(of: slot), subject: subject(slot), trainedAlone: slot.isOfTrained)
      }
      return
    }
    let table = plan.network.parameters
    let byName = Dictionary(uniqueKeysWithValues: table.parameters.map { ($0.name, $0) })
    try checkpoint.forEachStoredTensor { (tensors, slot) throws(UserError) in
      if let slot, floats(of: slot) == nil { return }
      try table.requireMatch(tensors, subject: subject(slot), trainedAlone: slot?.isOfTrained ?? false)
    } _: { (tensor, slot) throws(UserError) in
      guard let parameter = byName[tensor.name] else { return }
      guard let slot else { return table.pack(parameter, tensor.values, into: weights) }
      if let buffer = floats(of: slot) { table.pack(parameter, tensor.values, into: buffer) }
    }
  }

  /// What the run keeps beside the weights: the optimizer's slots, and the average if there is one.
  private var stateSlots: [StateSlot] { optimizer.slots + (average == nil ? [] : [.average]) }

  /// The flat buffer of a slot; `nil` if the run has none.
  private func floats(of slot: StateSlot, _ snapshot: Snapshot?) -> UnsafeMutablePointer<Float>? {
    guard slot != .average else { return average?.floats }
    return optimizer.slots.firstIndex(of: slot).map { snapshot?.slot($0) ?? optimizer.slot($0) }
  }

  private func set(
    _ flat: UnsafeMutablePointer<Float>, _ tensors: [NamedTensor], subject: String, trainedAlone: Bool = false
  ) throws(UserError) {
    let table = plan.network.parameters
    try table.requireMatch(tensors.map { ($0.name, $0.shape) }, subject: subject, trainedAlone: trainedAlone)
    var byName: [String: NamedTensor] = [:]
    for tensor in tensors { byName[tensor.name] = tensor }
    for parameter in table.parameters {
      if let tensor = byName[parameter.name] { table.pack(parameter, tensor.values, into: flat) }
    }
  }

  /// The parameters in layer order, weight before bias, in their public layouts.
  func namedWeights() -> [NamedTensor] { plan.network.parameters.named(weights) }

  /// What is evaluated and exported: the weights, or their average where there is one.
  func namedResult() -> [NamedTensor] { plan.network.parameters.named(average?.floats ?? weights) }

  /// The parameters in layer order, by what the run keeps beside the weights.
  ///
  /// - Parameter snapshot: has the optimizer's whole state, of which a rank of a job has a part.
  func namedState(_ snapshot: Snapshot? = nil) -> [SlotTensors] {
    stateSlots.compactMap { slot in
      floats(of: slot, snapshot).map {
        SlotTensors(slot: slot, tensors: plan.network.parameters.named($0, trainedAlone: slot.isOfTrained))
      }
    }
  }

  /// The parameters with a value or state that is not finite, in layer order.
  func nonFiniteParameters() -> [String] {
    plan.network.parameters.parameters.filter { parameter in
      let range = parameter.offset..<parameter.offset + parameter.packedCount
      let isStateFinite = plan.buckets.enumerated().allSatisfy { index, bucket in
        optimizer.slots.indices.allSatisfy { slot in
          let floats = optimizer.slot(slot, bucket: index)
          return range.clamped(to: bucket.own).allSatisfy { floats[$0].isFinite }
        }
      }
      return !isStateFinite || !range.allSatisfy { weights[$0].isFinite }
    }.map(\.name)
  }
}
