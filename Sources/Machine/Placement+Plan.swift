import Diagnostics

/// How workers are spread over CPUs.
package enum PlacementPolicy: Sendable, Hashable {
  /// Node after node, core after core.
  case close
  /// Nodes in turn, and inside a node last-level caches in turn.
  case scatter
  /// Left to the system: no worker is pinned.
  case none
  /// These CPUs and no others.
  case cpus(CPUSet)
}

extension Placement {
  /// Which CPU and node each worker gets; the same result for the same arguments.
  ///
  /// `workers: nil` means one per usable physical core (per usable CPU with `useSMT` or `cpus`), at most the CPU quota
  /// and `shardsPerBatch`. Worker numbers follow nodes, then caches, then cores, so that neighbouring shards reduce
  /// close to each other. SMT siblings stay free unless `useSMT`, and are then used once every core has a worker. More
  /// workers than CPUs share them evenly.
  /// - Throws: `UserError` (78) about `runtime.workers`, `runtime.placement.cpus` or `runtime.placement.nodes`.
  /// - Precondition: `shardsPerBatch` ≥ 1.
  package static func plan(
    topology: Topology, workers: Int?, shardsPerBatch: Int, policy: PlacementPolicy, nodes: [Int]?, useSMT: Bool
  ) throws(UserError) -> Placement {
    precondition(shardsPerBatch >= 1, "A batch has at least one shard, not \(shardsPerBatch).")
    if let workers, workers < 1 {
      throw UserError(.badConfiguration, "runtime.workers", "\(workers) is not allowed; use \"auto\" or 1 and more.")
    }
    let chosen = try chosenNodes(topology, nodes)
    let seats = Seats(
      topology, nodes: chosen, cpus: try allowedCPUs(topology, chosen, policy),
      everySibling: useSMT || policy.isExplicit)
    let available = seats.count
    let count = workers ?? min(available, topology.usable.quota ?? available, shardsPerBatch)
    let quota: Int? = topology.usable.quota
    var placement = Placement(workers: [], notes: [])
    if case .none = policy {
      placement.workers = [Worker](repeating: Worker(cpu: nil, node: chosen[0].id), count: count)
      if nodes != nil {
        placement.warnings.append("placement policy none pins no worker, so the chosen nodes have no effect")
      }
      if count > topology.usable.cpus.count {
        placement.warnings.append(
          "\(counted(count, "worker")) share \(counted(topology.usable.cpus.count, "CPU")): they wait for each other")
      }
    } else {
      placement.workers = seats.take(count, scattered: policy == .scatter)
    }
    placement.warnings += warnings(count: count, isAutomatic: workers == nil, shards: shardsPerBatch, quota)
    placement.warnings += placement.sharingWarnings
    placement.notes =
      notes(count: count, isAutomatic: workers == nil, available: available, shards: shardsPerBatch)
      + placement.warnings
    return placement.withMemory(of: topology)
  }

  /// The nodes to use that have a usable CPU, by ascending number.
  private static func chosenNodes(_ topology: Topology, _ wanted: [Int]?) throws(UserError) -> [Topology.Node] {
    let withCPUs = topology.nodes.filter { !$0.cpus.intersection(topology.usable.cpus).isEmpty }
    guard let wanted else { return withCPUs }
    let allowed = "usable nodes are \(CPUSet(withCPUs.map(\.id)))"
    if wanted.isEmpty {
      throw UserError(.badConfiguration, "runtime.placement.nodes", "the list is empty; \(allowed), or \"all\".")
    }
    for id in wanted where !withCPUs.contains(where: { $0.id == id }) {
      let problem = topology.node(id) == nil ? "does not exist" : "has no usable CPU"
      throw UserError(
        .badConfiguration, "runtime.placement.nodes", "node \(id) \(problem); \(allowed).",
        hint: "`lockstep topology` shows the nodes and why CPUs are usable or not.")
    }
    return withCPUs.filter { wanted.contains($0.id) }
  }

  /// The CPUs that may get a worker: usable, on the chosen nodes, and named where the policy names them.
  private static func allowedCPUs(
    _ topology: Topology, _ nodes: [Topology.Node], _ policy: PlacementPolicy
  ) throws(UserError) -> CPUSet {
    let allowed = nodes.reduce(CPUSet()) { $0.union($1.cpus) }.intersection(topology.usable.cpus)
    guard case .cpus(let wanted) = policy else { return allowed }
    let rest = wanted.subtracting(allowed)
    guard !wanted.isEmpty, rest.isEmpty else {
      let problem = wanted.isEmpty ? "the list is empty" : "CPUs \(rest) of \(wanted) may not be used here"
      throw UserError(
        .badConfiguration, "runtime.placement.cpus", "\(problem); usable are \(allowed).",
        hint: topology.usable.reasons.joined(separator: "; "))
    }
    return wanted
  }

  private static let moreShards = "; smaller shards (runtime.shard_size) keep more busy"

  /// What was decided when the number of workers was left to the program.
  private static func notes(count: Int, isAutomatic: Bool, available: Int, shards: Int) -> [String] {
    guard isAutomatic, count < available else { return [] }
    return [
      count == shards
        ? "a batch has \(counted(shards, "shard")), so \(count) of \(counted(available, "usable core")) work"
          + moreShards
        : "the CPU quota is worth \(counted(count, "CPU")), so \(count) of \(counted(available, "usable core")) work"
    ]
  }

  /// What it costs to have more workers than a batch or the system can use.
  private static func warnings(count: Int, isAutomatic: Bool, shards: Int, _ quota: Int?) -> [String] {
    var warnings: [String] = []
    if let quota, count > quota {
      warnings.append(
        "\(count) workers under a CPU quota worth \(counted(quota, "CPU")) will be held up by the system")
    }
    if count > shards {
      warnings.append(
        "\(count - shards) of \(count) workers are idle: a batch has \(counted(shards, "shard"))" + moreShards)
    } else if !isAutomatic {
      // The fewest workers whose busiest has no more shards than now.
      let most = (shards + count - 1) / count
      let fewest = (shards + most - 1) / most
      if fewest < count {
        warnings.append(
          "\(count) workers are no faster than \(fewest): a batch has \(counted(shards, "shard")), "
            + "and the busiest worker has \(most)")
      }
    }
    return warnings
  }

  /// Which workers share a CPU; a long list is cut.
  private var sharingWarnings: [String] {
    var workersOfCPU: [Int: CPUSet] = [:]
    for (index, worker) in workers.enumerated() {
      if let cpu = worker.cpu { workersOfCPU[cpu, default: []].insert(index) }
    }
    let shared: [(key: Int, value: CPUSet)] = workersOfCPU.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }
    if shared.isEmpty { return [] }
    let list = shared.prefix(4).map { "CPU \($0.key) has workers \($0.value)" }
    let more = shared.count > list.count ? " and \(shared.count - list.count) more CPUs" : ""
    return [
      "\(workers.count) workers share \(counted(workersOfCPU.count, "CPU")): " + list.joined(separator: ", ") + more
    ]
  }
}

extension PlacementPolicy {
  fileprivate var isExplicit: Bool {
    if case .cpus = self { true } else { false }
  }
}

/// `1 shard`, `2 shards`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
