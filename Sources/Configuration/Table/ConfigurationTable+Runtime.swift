import ConfigurationKeys
import Diagnostics
import Storage

extension ConfigurationTable {
  static let runtime: [KeyField<RuntimeConfiguration>] = [
    KeyField(
      ConfigurationKey(
        "workers", .either([.choice(["auto"]), .integer(1...4096)], allowed: "\"auto\" or an integer from 1 to 4096"),
        default: .string("auto"), effect: .speed, "Threads that compute, each on a CPU of its own; auto: one per core."),
      get: {
        switch $0.workers {
        case .auto: .string("auto")
        case .count(let count): .integer(count)
        }
      }, set: { $0.workers = $1.exactInteger.map { .count($0) } ?? .auto }),
    KeyField(
      ConfigurationKey(
        "shard_size", .integer(1...65536), default: .integer(16),
        "Examples per shard, the unit of work and of summation: it decides bits as well as speed."), \.shardSize),
    .section(
      "placement", \.self, placement,
      check: { node, _ in
        guard let cpus = node["cpus"], node.has("policy") else { return }
        node.mistakes.add(
          KeyKind.failure(
            node.keyPath("cpus"), cpus, allowed: "cpus or policy, not both", hint: "null unsets a key"))
      }, "Where workers run."),
    .section("memory", \.memory, memory, "Where memory lies."),
    KeyField(
      ConfigurationKey(
        "audit_every_steps", .integer(0...1_000_000_000), default: .integer(0), effect: .speed,
        "Steps from one check against silent corruption to the next, in which another worker computes a shard's gradient again; "
          + "0: none. Not with `virtual_batch_size`."), \.auditEverySteps),
    .section("mpi", \.mpi, mpi, "Several machines."),
  ]

  private static let mpi: [KeyField<MPIConfiguration>] = [
    KeyField(
      ConfigurationKey(
        "timeout_seconds", .integer(1...1_000_000), default: .integer(300), effect: .speed,
        "How long a rank waits for the others in a step before it ends the job."), \.timeoutSeconds),
    KeyField(
      ConfigurationKey(
        "overlap", .bool, default: .bool(true), effect: .speed,
        "Whether the ranks exchange gradients and weights of dense layers while they compute; not with norms over the batch."
      ),
      \.overlap),
  ]

  private static let placement: [KeyField<RuntimeConfiguration>] = [
    KeyField(
      ConfigurationKey(
        "policy", .choice(["close", "scatter", "none"]), default: .string("close"), effect: .speed,
        "close: one NUMA node after the other; scatter: all nodes in turn; none: the system decides."),
      get: {
        switch $0.policy {
        case .close: .string("close")
        case .scatter: .string("scatter")
        case .none: .string("none")
        case .cpus: nil
        }
      },
      set: {
        switch $1 {
        case .string("scatter"): $0.policy = .scatter
        case .string("none"): $0.policy = .none
        default: $0.policy = .close
        }
      }),
    KeyField(
      ConfigurationKey(
        "cpus", .either([.integer(0...Int.max), .text(cpuList)], allowed: cpuList.allowed), otherwise: "by `policy`",
        effect: .speed, "The CPUs of the workers in their order, instead of a policy."),
      get: { if case .cpus(let list) = $0.policy { .string(list) } else { nil } },
      set: {
        if let cpu = $1.exactInteger { $0.policy = .cpus(String(cpu)) }
        if case .string(let list) = $1 { $0.policy = .cpus(list) }
      }),
    KeyField(
      ConfigurationKey(
        "nodes",
        .either(
          [
            .choice(["all"]),
            .array(of: .integer(0...1023), ArrayRule(1...1024, areDistinct: true, "different node numbers")),
          ], allowed: "\"all\" or different node numbers such as [0, 1]"),
        default: .string("all"), effect: .speed, "The NUMA nodes to use."),
      get: { $0.nodes.map { .array($0.map { .integer($0) }) } ?? .string("all") },
      set: {
        if case .array(let numbers) = $1 { $0.nodes = numbers.compactMap(\.exactInteger) } else { $0.nodes = nil }
      }),
    KeyField(
      ConfigurationKey(
        "use_smt", .bool, default: .bool(false), effect: .speed, "Whether several workers may share a core."), \.useSMT),
  ]

  private static let memory: [KeyField<MemoryConfiguration>] = [
    KeyField(
      ConfigurationKey(
        "dataset", .choice(of: MemoryConfiguration.Dataset.self), default: .string("auto"), effect: .speed,
        "per_node: a copy on every node with workers; interleave: pages on these nodes in turn; auto: copies if they "
          + "take at most a quarter of the available memory."), \.dataset),
    KeyField(
      ConfigurationKey(
        "huge_pages", .bool, default: .bool(true), effect: .speed,
        "Whether large buffers ask the system for huge pages, or refuse them."), \.hugePages),
  ]

  /// A list such as `0-3,8` of at most 16 KiB: one of all CPUs of the largest machine, one by one, is shorter.
  private static let cpuList = TextRule(
    "CPU numbers such as \"0-3,8\"", pattern: "^\\+?[0-9]+(-\\+?[0-9]+)?(,\\+?[0-9]+(-\\+?[0-9]+)?)*$"
  ) { list in
    guard list.utf8.count <= 16_384 else { return false }
    return list.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { range in
      let ends = range.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
      switch ends.count {
      case 1: return ends[0] != nil
      case 2: return zip(ends, ends.dropFirst()).allSatisfy { $0 != nil && $1 != nil && ($0 ?? 0) <= ($1 ?? 0) }
      default: return false
      }
    }
  }
}
