import Diagnostics
import Machine

extension RunPlan {
  /// Refuses a run that needs more than `available`, before it takes any; `nil` is an unknown limit.
  ///
  /// - Throws: `UserError(.systemRefused)` with the sum, and with the largest batch that would fit.
  package func requireMemory(_ available: AvailableMemory?) throws {
    guard let available, !memory.fits(available) else { return }
    throw memory.refusal(available, largestBatch: largestBatch(fitting: available))
  }

  /// The largest batch of whole shards with which the run would fit; `nil` if not even one shard does.
  func largestBatch(fitting available: AvailableMemory) -> Int? {
    let shardSize = shards.shardSize
    func fits(_ count: Int) -> Bool {
      var smaller = configuration
      smaller.training.batchSize = count * shardSize
      let plan = try? RunPlan(
        smaller, topology: topology, kernels: kernels, exampleCount: shards.exampleCount,
        computesInputGradient: network.computesInputGradient, place: ranks?.place)
      return plan?.memory.fits(available) ?? false
    }
    var (fitting, tooMany) = (0, shards.maximumShardCount)
    while tooMany - fitting > 1 {
      let middle = (fitting + tooMany) / 2
      if fits(middle) { fitting = middle } else { tooMany = middle }
    }
    return fitting == 0 ? nil : fitting * shardSize
  }
}
