import Foundation
import KernelInterface
import Summation
import TestSupport
import Testing

@testable import Network

/// Waits until all have arrived.
private final class Meeting: @unchecked Sendable {
  // `arrived` and `round` are touched with the condition's lock held alone.
  private let condition = NSCondition()
  private let count: Int
  private var arrived = 0
  private var round = 0

  init(_ count: Int) { self.count = count }

  func wait() {
    condition.lock()
    defer { condition.unlock() }
    let mine = round
    arrived += 1
    if arrived == count {
      (arrived, round) = (0, round + 1)
      condition.broadcast()
    }
    while round == mine { condition.wait() }
  }
}

@Suite("Meetings in the middle of a pass")
struct MeetingTests {
  static let models = TestNetworks.meeting

  private struct Outcome: Equatable {
    var losses: [Float]
    /// The packed gradients, added in the tree over shards.
    var gradients: [Float]
  }

  /// What one worker of several does; its memory is its own but for `sums`.
  private final class Worker: @unchecked Sendable {
    // Written by its own thread alone until all threads have ended.
    var nodes: [(shards: Range<Int>, gradient: [Float])] = []
    var losses: [Float] = []
  }

  private func outcome(_ run: NetworkRun, shardSize: Int, workers: Int) throws -> (NetworkPlan, Outcome) {
    let kernels = try #require(runnableKernels.last)
    let examples = run.images.count
    let shards = (examples + shardSize - 1) / shardSize
    let runs = (0..<workers).map { shards * $0 / workers..<shards * ($0 + 1) / workers }
    let plan = try NetworkPlan(
      run.model, capacity: ImageCapacity(shard: shardSize, shardsPerChunk: runs.map(\.count).max() ?? 1))
    let sums = UnsafeMutableBufferPointer<Double>.allocate(capacity: shards * plan.schedule.sumsPerShard)
    sums.initialize(repeating: .nan)
    defer { sums.deallocate() }
    let all = (0..<workers).map { _ in Worker() }
    let (meeting, end) = (Meeting(workers), Meeting(workers + 1))
    nonisolated(unsafe) let shared = sums
    for (index, worker) in all.enumerated() {
      let thread = Thread {
        let own = runs[index].lowerBound * shardSize..<min(runs[index].upperBound * shardSize, examples)
        self.work(
          run, plan, kernels, ShardTree.nodes(in: runs[index], of: shards), own, shards, shared, meeting, worker)
        end.wait()
      }
      thread.stackSize = 1 << 20
      thread.start()
    }
    end.wait()
    let found = all.flatMap(\.nodes)
    let gradients = ShardTree.fold(0..<shards) { node in
      found.first { $0.shards == node }?.gradient
    } combine: {
      zip($1, $2).map(+)
    }
    return (plan, Outcome(losses: all.flatMap(\.losses), gradients: gradients))
  }

  private func work(
    _ run: NetworkRun, _ plan: NetworkPlan, _ kernels: KernelTable, _ nodes: [Range<Int>], _ own: Range<Int>,
    _ shards: Int, _ sums: UnsafeMutableBufferPointer<Double>, _ meeting: Meeting, _ worker: Worker
  ) {
    let count = plan.parameters.packedCount
    let bytes = Workspace.byteCount(plan)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0xFF, count: bytes)
    let floats = UnsafeMutablePointer<Float>.allocate(capacity: count * (1 + nodes.count) + plan.preparedCount)
    floats.initialize(repeating: 0, count: count * (1 + nodes.count) + plan.preparedCount)
    defer {
      memory.deallocate()
      floats.deallocate()
    }
    let w = Workspace(plan, memory: memory)
    for parameter in plan.parameters.parameters {
      plan.parameters.pack(parameter, run.parameters[parameter.name] ?? [], into: floats)
    }
    let targets = nodes.indices.map { floats + count * (1 + $0) }
    let prepared = floats + count * (1 + nodes.count)
    plan.prepareWeights(floats, into: prepared, scratch: w, part: 0, of: 1, kernels: kernels)
    let share = WorkerShare(
      zip(nodes, targets).map { WorkerShare.Node(shards: $0, target: $1) }, of: run.images.count,
      shardSize: plan.capacity.shard)
    let x = run.images
    if let base = sums.baseAddress {
      plan.sumGradients(
        w, share, sums: base, PassInputs(weights: floats, prepared: prepared, kernels: kernels),
        load: { chunk in
          for n in chunk {
            let input = plan.input(w, image: n, of: chunk)
            let example = own.lowerBound + n
            w.describe(image: n, example: example, label: Int32(run.labels[example]))
            for i in 0..<x.height {
              for j in 0..<x.width {
                for c in 0..<x.channels {
                  input.pixels[i * input.row + j * input.pixel + c] = Float(x[own.lowerBound + n, i, j, c])
                }
              }
            }
          }
        }, meet: { meeting.wait() })
    }
    worker.nodes = zip(nodes, targets).map { ($0, [Float](UnsafeBufferPointer(start: $1, count: count))) }
    worker.losses = (0..<share.examples).map { w.losses[$0] }
  }

  @Test("give the same bits for 1 to 17 workers, and the naive network's gradients", arguments: models.indices)
  func sameBits(index: Int) throws {
    for (examples, shardSize) in [(13, 2), (33, 2), (5, 8)] {
      let run = try NetworkRun(Self.models[index], examples: examples)
      let (plan, one) = try outcome(run, shardSize: shardSize, workers: 1)
      let expected = run.reference()
      for parameter in plan.parameters.parameters where parameter.role.isTrained {
        let values = plan.parameters.unpack(parameter, from: one.gradients).map(Double.init)
        let gradient = try #require(expected.gradients[parameter.name]).map { Double(examples) * $0 }
        // A bias before a centering or a norm has no gradient except rounding.
        let scale = max(0.1, gradient.map(abs).max() ?? 0)
        let worst = zip(values, gradient).map { abs($0 - $1) }.max() ?? 0
        #expect(worst / scale < 1e-4, "\(parameter.name), \(examples) examples")
      }
      for workers in 2...17 {
        #expect(try outcome(run, shardSize: shardSize, workers: workers).1 == one, "\(workers) workers")
      }
    }
  }

  @Test("cut a pass into segments: a layer's own meeting comes first forward, last backward")
  func segments() throws {
    let plan = try NetworkPlan(Self.models[1], capacity: ImageCapacity(shard: 2))
    #expect(plan.schedule.forward == [0..<1, 1..<4, 4..<8, 8..<12])
    #expect(plan.schedule.backward == [0..<2, 2..<5, 5..<9, 9..<12])
    #expect(plan.schedule.sums.map(\.layer) == [1, 4, 8])
    #expect(plan.schedule.sumsPerShard == 2 * (17 + 16 + 9))
    #expect(plan.schedule.meetings.map(\.sums) == [0..<1, 1..<2, 2..<3])
    #expect(try !NetworkPlan(TestNetworks.lenet, capacity: ImageCapacity(shard: 2)).schedule.hasMeetings)
  }

  /// Norms of the net, and meetings of a pass.
  @Test(
    "are shared by the last norm of a residual block and that of its shortcut",
    arguments: [
      ("resnet20", 21, 19), ("resnet18", 20, 17), ("resnet34", 36, 33), ("resnet50", 53, 49), ("mobilenet_v2", 52, 52),
      ("vgg11_bn", 8, 8),
    ])
  func shared(name: String, norms: Int, meetings: Int) throws {
    let preset = try #require(PresetRegistry.preset(named: name))
    let plan = try NetworkPlan(preset.model(classes: 10), capacity: ImageCapacity(shard: 2))
    #expect(plan.schedule.sums.count == norms)
    #expect(plan.schedule.meetings.count == meetings)
    #expect(plan.schedule.forward.count == meetings + 1 && plan.schedule.backward.count == meetings + 1)
    // Files and digests hold parameters in the order of the model.
    let names = plan.graph.layers.flatMap { layer in plan.graph.parameters(of: layer).map { "\(layer.name).\($0.part)" }
    }
    #expect(plan.parameters.parameters.map(\.name) == names)
  }

  @Test("come one after the other where a norm reads the one before it, or another branch does")
  func apart() {
    let sum = Schedule.Counts(forward: 2, backward: 1)
    // Layers 1 and 2 read layer 0; 4 reads 3.
    let schedule = Schedule(
      [nil, sum, sum, sum, sum, nil], inputs: [[-1], [0], [0], [2], [3], [4]])
    #expect(schedule.meetings.map(\.sums) == [0..<2, 2..<3, 3..<4])
    #expect(schedule.forward == [0..<1, 1..<3, 3..<4, 4..<6])
    #expect(schedule.backward == [0..<3, 3..<4, 4..<5, 5..<6])
    #expect(schedule.sums.map(\.forward) == [0..<2, 3..<5, 6..<8, 9..<11])
  }
}
