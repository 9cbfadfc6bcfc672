import Configuration
import Machine
import Network

extension ParameterTable {
  /// The parameters of the network that `run` describes.
  ///
  /// - Throws: `UserError`: `.systemRefused` if one worker alone could not hold it; `.badConfiguration`.
  package static func of(_ run: RunConfiguration) throws -> ParameterTable {
    let graph = try ModelGraph(run.model)
    try RunMemory.requireFits(
      graph, shardSize: run.runtime.shardSize, stateSlots: run.training.optimizer.makeOptimizer().slots,
      AvailableMemory.read())
    return try NetworkPlan(graph, capacity: ImageCapacity(shard: 1)).parameters
  }
}
