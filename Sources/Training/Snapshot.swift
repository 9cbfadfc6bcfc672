import Configuration
import Machine
import Network
import Synchronization

/// A copy of the training state, made by all workers inside a step and written to disk while they go on.
///
/// `@unchecked Sendable`: each worker writes its part between the second and third barrier of a step in which worker 0
/// found the snapshot free; the reporting thread reads once worker 0 has announced it in the ring, and then frees it.
final class Snapshot: @unchecked Sendable {
  let weights: UnsafeMutablePointer<Float>
  let velocity: UnsafeMutablePointer<Float>
  private let count: Int
  private let memory: NodeBuffer
  private let isTaken = Atomic<Bool>(false)

  /// Takes memory for the packed parameters twice, touched when the first snapshot is made.
  init(_ plan: RunPlan) throws {
    count = plan.network.parameters.packedCount
    memory = try NodeBuffer(byteCount: Self.byteCount(plan), purpose: "a copy of the training state")
    weights = memory.pointer.bindMemory(to: Float.self, capacity: 2 * count)
    velocity = weights + count
  }

  static func byteCount(_ plan: RunPlan) -> Int {
    2 * plan.network.parameters.packedCount * MemoryLayout<Float>.stride
  }

  /// For worker 0: whether the reporting thread is done with the last one.
  var isFree: Bool { !isTaken.load(ordering: .acquiring) }
  /// By worker 0 before it announces the snapshot.
  func take() { isTaken.store(true, ordering: .relaxed) }
  /// By the reporting thread.
  func release() { isTaken.store(false, ordering: .releasing) }

  /// Copies the `range` of the state that one worker updates, which nobody writes meanwhile; weights from its replica.
  func copy(_ shared: SharedState, _ replica: WeightReplica, _ range: Range<Int>) {
    (weights + range.lowerBound).update(from: replica.weights + range.lowerBound, count: range.count)
    (velocity + range.lowerBound).update(from: shared.velocity + range.lowerBound, count: range.count)
  }
}

/// When a checkpoint is due; asked by worker 0 once a step.
struct CheckpointSchedule {
  private let rules: CheckpointConfiguration
  private let stepsPerEpoch: Int
  private var lastTime = monotonicNanoseconds()
  /// Due, but not made yet.
  private var isPending = false

  init(_ rules: CheckpointConfiguration, stepsPerEpoch: Int) {
    self.rules = rules
    self.stepsPerEpoch = stepsPerEpoch
  }

  /// Whether the state after `stepsDone` steps is to be kept, or one before was and could not be.
  mutating func isDue(stepsDone: Int, now: UInt64, _ stop: StopFlag) -> Bool {
    if rules.everySteps > 0, stepsDone % rules.everySteps == 0 { isPending = true }
    if rules.everyEpochs > 0, stepsDone % stepsPerEpoch == 0, stepsDone / stepsPerEpoch % rules.everyEpochs == 0 {
      isPending = true
    }
    if rules.everySeconds > 0, Double(now - lastTime) * 1e-9 >= rules.everySeconds { isPending = true }
    if stop.takeCheckpointRequest() { isPending = true }
    return isPending
  }

  mutating func wasTaken(now: UInt64) {
    isPending = false
    lastTime = now
  }
}
