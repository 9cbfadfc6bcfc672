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
    let state = try OptimizerState(two, [Bucket(0..<two.trainedFloats, nil, workers: [0..<1])], [])
    let stretches = state.bytes(1024..<two.trainedFloats, bucket: 0)
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
    for rule in OptimizerConfiguration.Rule.allCases {
      let slots = OptimizerConfiguration(rule, learningRate: 1, momentum: 0.5).makeOptimizer().slots
      #expect(!slots.isEmpty && slots.allSatisfy { StateSlot.known.contains($0) })
    }
  }

  private func rules(_ configuration: OptimizerConfiguration, adapts: Bool = false) throws -> UpdateRules {
    let network = try NetworkPlan(TestNetworks.digits, capacity: ImageCapacity(shard: 4))
    return UpdateRules(network.parameters, configuration, adapts: adapts)
  }

  @Test("parameters that are treated alike are one stretch, others are cut at their ends")
  func stretchesOfParameters() throws {
    var configuration = OptimizerConfiguration(learningRate: 1, weightDecay: 0.1)
    let network = try NetworkPlan(TestNetworks.digits, capacity: ImageCapacity(shard: 4))
    let (table, count) = (network.parameters.parameters, network.parameters.trainedCount)
    #expect(
      try rules(configuration).rules == [UpdateRule(floats: 0..<count, rateScale: 1, decay: 0.1, adapts: false)])
    configuration.normWeightDecay = 0.1
    #expect(try rules(configuration).rules.count == 1)
    configuration.normWeightDecay = 0
    let cut = try rules(configuration).rules
    #expect(cut.map(\.floats) == table.map { $0.offset..<$0.offset + $0.packedCount })
    #expect(cut.map(\.decay) == table.map { $0.role == .weight ? 0.1 : 0 })
    configuration.normWeightDecay = nil
    let adapting = try rules(configuration, adapts: true).rules
    #expect(adapting.map(\.adapts) == table.map { $0.role == .weight })
  }

  /// Gradients of layers whose outputs are not whole blocks have remains of other sums in their padding.
  @Test("padding counts for nothing in norms")
  func normsWithoutPadding() throws {
    for model in [TestNetworks.odd, TestNetworks.digits, TestNetworks.grouped] {
      let table = try NetworkPlan(model, capacity: ImageCapacity(shard: 4)).parameters
      let flat = FloatBuffer([Float](repeating: .nan, count: table.trainedCount))
      var expected: [Double] = []
      for parameter in table.parameters {
        let values = (0..<parameter.elementCount).map { Float(($0 * 7 + parameter.offset) % 23) - 11 }
        table.pack(parameter, values, into: flat.pointer)
        expected.append(values.reduce(0) { $0 + Double($1) * Double($1) })
      }
      let whole = SquareSums(table)
      whole.set(0..<table.trainedCount, flat.pointer, testKernels)
      let parts = SquareSums(table)
      for start in stride(from: 0, to: table.trainedCount, by: 96) {
        parts.set(start..<min(start + 96, table.trainedCount), flat.pointer + start, testKernels)
      }
      // Squares of small integers: every sum is exact.
      for (parameter, sum) in zip(table.parameters, expected) {
        let floats = parameter.offset..<parameter.offset + parameter.packedCount
        #expect(whole.sum(floats) == sum && parts.sum(floats) == sum, "\(parameter.name)")
      }
      #expect(whole.total == expected.reduce(0, +) && parts.total == whole.total)
    }
  }

  @Test("the parts of a block cover it once")
  func partsOfBlocks() throws {
    var configuration = OptimizerConfiguration(learningRate: 1, weightDecay: 0.1)
    configuration.normWeightDecay = 0
    let rules = try rules(configuration)
    let count = try #require(rules.rules.last).floats.upperBound
    for length in [32, 64, 992, count] {
      for start in stride(from: 0, to: count, by: length) {
        let block = start..<min(start + length, count)
        var next = block.lowerBound
        rules.forEachPart(of: block) { part, rule in
          #expect(part.lowerBound == next && !part.isEmpty && rules.rules[rule].floats.clamped(to: part) == part)
          next = part.upperBound
        }
        #expect(next == block.upperBound)
      }
    }
  }
}
