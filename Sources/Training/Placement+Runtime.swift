import Configuration
import Diagnostics
import Machine

extension Placement {
  /// The placement that the `runtime` section asks for.
  package static func plan(
    _ topology: Topology, runtime: RuntimeConfiguration, shardsPerBatch: Int
  ) throws(UserError) -> Placement {
    let workers: Int? =
      switch runtime.workers {
      case .auto: nil
      case .count(let count): count
      }
    let policy: PlacementPolicy =
      switch runtime.policy {
      case .close: .close
      case .scatter: .scatter
      case .none: .none
      case .cpus(let list):
        .cpus(
          try CPUSet(list: list, category: .badConfiguration, subject: "runtime.placement.cpus"))
      }
    return try plan(
      topology: topology, workers: workers, shardsPerBatch: shardsPerBatch, policy: policy, nodes: runtime.nodes,
      useSMT: runtime.useSMT)
  }
}
