import Diagnostics
import Machine
import Network
import Runs
import Synchronization

/// A copy of the training state, made by all workers inside a step and written to disk while they continue.
///
/// `@unchecked Sendable`: each worker writes its part between the second and third barrier of a step in which worker 0
/// found the snapshot free; the reporting thread reads once worker 0 has announced it in the ring, and then frees it.
package final class Snapshot: @unchecked Sendable {
  let weights: UnsafeMutablePointer<Float>
  private let slots: [StateSlot]
  private let parameterFloats: Int
  private let trainedFloats: Int
  private let keepsAverage: Bool
  private let buffer: NodeBuffer
  private let isTaken = Atomic<Bool>(false)

  /// Takes memory for the packed parameters and each slot of the state, touched when the first snapshot is made.
  init(_ memory: RunMemory) throws(UserError) {
    slots = memory.stateSlots
    parameterFloats = memory.parameterFloats
    trainedFloats = memory.trainedFloats
    keepsAverage = memory.keepsAverage
    buffer = try NodeBuffer(byteCount: memory.snapshotBytes, purpose: "a copy of the training state")
    weights = buffer.pointer.bindMemory(to: Float.self, capacity: memory.snapshotBytes / MemoryLayout<Float>.stride)
  }

  /// The copy of a slot of the optimizer's state.
  func slot(_ index: Int) -> UnsafeMutablePointer<Float> { weights + parameterFloats + index * trainedFloats }

  /// After the optimizer's slots.
  private var average: UnsafeMutablePointer<Float> { slot(slots.count) }

  /// The parameters by what a run keeps beside the weights.
  func state(_ table: ParameterTable) -> [SlotTensors] {
    slots.enumerated().map { SlotTensors(slot: $1, tensors: table.named(slot($0), trainedAlone: true)) }
      + (keepsAverage ? [SlotTensors(slot: .average, tensors: table.named(average))] : [])
  }

  /// For worker 0: whether the reporting thread is done with the last one.
  var isFree: Bool { !isTaken.load(ordering: .acquiring) }
  /// By worker 0 before it announces the snapshot.
  func take() { isTaken.store(true, ordering: .relaxed) }
  /// By the reporting thread.
  func release() { isTaken.store(false, ordering: .releasing) }

  /// Copies what this worker looks after; weights from its replica. Nothing writes any of it meanwhile.
  func copy(_ shared: SharedState, _ replica: WeightReplica, worker: Int) {
    let whole = shared.plan.state(of: worker)
    (weights + whole.lowerBound).update(from: replica.weights + whole.lowerBound, count: whole.count)
    for (number, bucket) in shared.plan.buckets.enumerated() {
      let range = bucket.segments[worker]
      for index in slots.indices {
        (slot(index) + range.lowerBound).update(
          from: shared.optimizer.slot(index, bucket: number) + range.lowerBound, count: range.count)
      }
    }
    if let mean = shared.average {
      (average + whole.lowerBound).update(from: mean.floats + whole.lowerBound, count: whole.count)
    }
  }
}
