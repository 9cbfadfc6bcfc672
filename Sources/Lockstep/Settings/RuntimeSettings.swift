internal import Storage

/// The configuration's section `runtime`: how the machine is used. All but ``shardSize`` changes speed alone, never a result.
public struct RuntimeSettings: Sendable, Hashable {
  /// Threads that compute, each on a CPU of its own.
  public var workers = Workers.auto
  /// Examples of a shard, the unit of work and of summation: it decides bits as well as speed.
  public var shardSize = 16
  /// Steps from one check against silent corruption to the next, in which another worker computes a shard again; 0: none.
  public var auditEverySteps = 0
  /// Where workers run.
  public var placement = Placement()
  /// Where memory lies.
  public var memory = Memory()
  /// Which build of the kernels computes; `nil` for the fastest that the processor has. All give the same bits.
  public var kernels: Kernels?

  /// The configuration's defaults but for the number of workers.
  public init(workers: Workers = .auto) { self.workers = workers }

  /// A number of threads.
  public enum Workers: Sendable, Hashable, ExpressibleByIntegerLiteral {
    /// One for each core that the process may use.
    case auto
    /// So many.
    case count(Int)

    /// So many.
    public init(integerLiteral count: Int) { self = .count(count) }
  }

  /// Where workers run.
  public struct Placement: Sendable, Hashable {
    /// In what order workers take CPUs.
    public var policy = Policy.close
    /// CPU numbers of the workers in their order, such as `0-3,8`, instead of a policy; `nil` for none.
    public var cpus: String?
    /// Numbers of the memory nodes to use; `nil` for all.
    public var nodes: [Int]?
    /// Whether several workers may share a core.
    public var useSMT = false

    /// The configuration's defaults.
    public init() {}
  }

  /// In what order workers take CPUs.
  public enum Policy: String, Sendable, Hashable, CaseIterable {
    /// One memory node after the other.
    case close
    /// All nodes in turn.
    case scatter
    /// The system decides.
    case none
  }

  /// Where memory lies.
  public struct Memory: Sendable, Hashable {
    /// Where the data sets lie.
    public var dataset = Dataset.auto
    /// Whether large buffers ask the system for huge pages, or refuse them.
    public var hugePages = true

    /// The configuration's defaults.
    public init() {}
  }

  /// Where the data sets lie.
  public enum Dataset: String, Sendable, Hashable, CaseIterable {
    /// Copies if they take at most a quarter of the available memory, else interleaved.
    case auto
    /// Pages on all nodes with workers in turn.
    case interleave
    /// A copy on every node with workers.
    case perNode = "per_node"
  }

  /// A build of the kernels for an instruction set.
  public enum Kernels: String, Sendable, Hashable, CaseIterable {
    /// For any processor, many times slower.
    case portable
    /// For x86-64 with AVX2 and FMA.
    case avx2
    /// For x86-64 with AVX-512 (F, VL, DQ, BW).
    case avx512
  }
}

extension RuntimeSettings: ConfigurationValue {
  var json: JSONValue {
    .section([
      ("workers", workers), ("shard_size", shardSize), ("audit_every_steps", auditEverySteps),
      ("placement", placement), ("memory", memory),
    ])
  }
}

extension RuntimeSettings.Workers: ConfigurationValue {
  var json: JSONValue {
    switch self {
    case .auto: .string("auto")
    case .count(let count): .integer(count)
    }
  }
}

extension RuntimeSettings.Placement: ConfigurationValue {
  var json: JSONValue {
    .section([("policy", cpus == nil ? policy : nil), ("cpus", cpus), ("nodes", nodes), ("use_smt", useSMT)])
  }
}

extension RuntimeSettings.Memory: ConfigurationValue {
  var json: JSONValue { .section([("dataset", dataset), ("huge_pages", hugePages)]) }
}

extension RuntimeSettings.Policy: ConfigurationWord {}
extension RuntimeSettings.Dataset: ConfigurationWord {}
