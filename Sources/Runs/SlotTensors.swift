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
