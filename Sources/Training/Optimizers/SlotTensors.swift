import Storage

/// One slot of an optimizer's state, as checkpoints hold it: a tensor for every trained parameter, under its name.
package struct SlotTensors: Sendable, Hashable {
  package let slot: StateSlot
  package let tensors: [NamedTensor]

  package init(slot: StateSlot, tensors: [NamedTensor]) {
    self.slot = slot
    self.tensors = tensors
  }
}

extension StateSlot {
  /// The parameter that a checkpoint's tensor belongs to, and the slot; `nil` for the parameter itself.
  static func split(_ tensorName: String) -> (parameter: String, slot: StateSlot?) {
    guard let slot = known.first(where: { tensorName.hasSuffix($0.suffix) }) else { return (tensorName, nil) }
    return (String(tensorName.dropLast(slot.suffix.count)), slot)
  }
}
