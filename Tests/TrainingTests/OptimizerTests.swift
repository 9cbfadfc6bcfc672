import Configuration
import Machine
import Network
import Runs
import TestSupport
import Testing

@testable import Training

/// What an optimizer keeps, with more slots than the one of SGD.
@Suite struct OptimizerTests {
  private static let slots = [StateSlot.momentum, StateSlot(name: "second moment", suffix: ".second")]

  private func memory(slots: [StateSlot]) throws -> RunMemory {
    let network = try NetworkPlan(TestNetworks.digits, capacity: ImageCapacity(shard: 4))
    let placement = Placement(workers: (0..<3).map { Placement.Worker(cpu: nil, node: $0) }, notes: [])
    return RunMemory(
      network, placement, shardsPerBatch: 1, gradientBuffers: 2, stateSlots: slots, hugePages: false)
  }

  @Test("a second slot has its own pages and is counted")
  func aSecondSlotLiesOnPagesOfItsOwnAndIsCounted() throws {
    let (one, two) = (try memory(slots: [.momentum]), try memory(slots: Self.slots))
    #expect(one.optimizerBytes == one.parameterBytes && one.snapshotBytes == 2 * one.parameterBytes)
    #expect(two.snapshotBytes == 3 * two.parameterBytes)
    #expect(two.optimizerBytes == two.stateStride * 4 + two.parameterBytes)
    #expect(two.totalBytes - one.totalBytes == two.stateStride * 4 + 2 * two.parameterBytes)
    let state = try OptimizerState(two, places: [])
    let stretches = state.bytes(1024..<two.trainedFloats)
    #expect(stretches.map(\.count) == [Int](repeating: two.parameterBytes - 4096, count: 2))
    #expect(stretches.allSatisfy { Int(bitPattern: $0.baseAddress) % NodeBuffer.pageBytes == 0 })
    // Slots do not overlap: what is written to one is not read in the other.
    state.slot(0).update(repeating: 1, count: two.trainedFloats)
    state.slot(1).update(repeating: 2, count: two.trainedFloats)
    #expect((0..<two.trainedFloats).allSatisfy { state.slot(0)[$0] == 1 && state.slot(1)[$0] == 2 })
  }

  @Test("refusals name the state")
  func refusalsNameTheState() throws {
    let memory = try memory(slots: Self.slots)
    let error = memory.refusal(AvailableMemory(bytes: 1, source: "a test"), largestBatch: nil)
    #expect(error.message.contains(" weights, momentum, second moment and prepared weights + "))
  }

  /// Suffixes tell state from parameters in a file, so no two slots may share one.
  @Test("suffixes are distinct")
  func suffixesAreDistinct() {
    #expect(Set(StateSlot.known.map(\.suffix)).count == StateSlot.known.count)
    #expect(SGDConfiguration.plain.makeOptimizer().slots.allSatisfy { StateSlot.known.contains($0) })
  }
}

extension SGDConfiguration {
  fileprivate static let plain = SGDConfiguration(learningRate: 1, momentum: 0, nesterov: false, weightDecay: 0)
}
