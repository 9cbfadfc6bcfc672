import Diagnostics
import Storage

/// The sections `training`, `runtime`, `checkpoint` and `logging`.
extension ConfigurationReader {
  static func training(_ node: ConfigurationNode) throws(UserError) -> TrainingConfiguration {
    try node.allowOnly(
      ["epochs", "batch_size", "shuffle", "optimizer", "lr_schedule"], elsewhere: sectionKeyPaths)
    return TrainingConfiguration(
      epochs: try node.integer("epochs", in: 1...1_000_000, default: 10),
      batchSize: try node.integer("batch_size", in: 1...(1 << 24), default: 128),
      shuffle: try node.bool("shuffle", default: true),
      optimizer: try optimizer(node.node("optimizer")),
      learningRateSchedule: try schedule(node.node("lr_schedule")))
  }

  private static func optimizer(_ node: ConfigurationNode) throws(UserError) -> SGDConfiguration {
    _ = try node.choice("type", of: ["sgd"], default: "sgd")
    try node.allowOnly(["type", "lr", "momentum", "nesterov", "weight_decay"], elsewhere: sectionKeyPaths)
    let optimizer: SGDConfiguration = SGDConfiguration(
      learningRate: try node.number("lr", default: 0.05, allowed: "a finite number of at least 0", where: { $0 >= 0 }),
      momentum: try node.number(
        "momentum", default: 0.9, allowed: "a number from 0 to 1", where: { (0...1).contains($0) }),
      nesterov: try node.bool("nesterov", default: false),
      weightDecay: try node.number(
        "weight_decay", default: 0, allowed: "a finite number of at least 0", where: { $0 >= 0 }))
    guard !optimizer.nesterov || optimizer.momentum > 0 else {
      throw UserError(
        .badConfiguration, node.keyPath("nesterov"), "found true with momentum 0; allowed: true with momentum above 0")
    }
    return optimizer
  }

  private static func schedule(_ node: ConfigurationNode) throws(UserError) -> LearningRateSchedule {
    _ = try node.choice("type", of: ["constant"], default: "constant")
    try node.allowOnly(["type"])
    return .constant
  }

  static func runtime(_ node: ConfigurationNode) throws(UserError) -> RuntimeConfiguration {
    try node.allowOnly(["workers", "shard_size", "placement", "memory"], elsewhere: sectionKeyPaths)
    let placement: ConfigurationNode = try node.node("placement")
    try placement.allowOnly(["policy", "nodes", "use_smt", "cpus"])
    let memory: ConfigurationNode = try node.node("memory")
    try memory.allowOnly(["dataset", "huge_pages"])
    let dataset: String = try memory.choice(
      "dataset", of: MemoryConfiguration.Dataset.allCases.map(\.rawValue),
      default: MemoryConfiguration.Dataset.auto.rawValue)
    return RuntimeConfiguration(
      workers: try workers(node),
      shardSize: try node.integer("shard_size", in: 1...65536, default: 16),
      policy: try policy(placement),
      nodes: try nodes(placement),
      useSMT: try placement.bool("use_smt", default: false),
      memory: MemoryConfiguration(
        dataset: MemoryConfiguration.Dataset(rawValue: dataset) ?? .auto,
        hugePages: try memory.bool("huge_pages", default: true)))
  }

  private static func workers(_ node: ConfigurationNode) throws(UserError) -> RuntimeConfiguration.WorkerCount {
    guard let value: JSONValue = node["workers"], value != .string("auto") else { return .auto }
    guard let count: Int = value.exactInteger, (1...4096).contains(count) else {
      throw ConfigurationNode.failure(node.keyPath("workers"), value, allowed: "\"auto\" or an integer from 1 to 4096")
    }
    return .count(count)
  }

  private static func policy(_ node: ConfigurationNode) throws(UserError) -> RuntimeConfiguration.Policy {
    if let value: JSONValue = node["cpus"] {
      guard !node.has("policy") else {
        throw ConfigurationNode.failure(
          node.keyPath("cpus"), value, allowed: "cpus or policy, not both", hint: "null takes a key back")
      }
      return .cpus(try cpuList(value, path: node.keyPath("cpus")))
    }
    switch try node.choice("policy", of: ["close", "scatter", "none"], default: "close") {
    case "scatter": return .scatter
    case "none": return .none
    default: return .close
    }
  }

  /// A list such as `0-3,8`; a bare integer names one CPU.
  private static func cpuList(_ value: JSONValue, path: String) throws(UserError) -> String {
    if let cpu: Int = value.exactInteger, cpu >= 0 { return String(cpu) }
    guard case .string(let list) = value, isCPUList(list) else {
      throw ConfigurationNode.failure(path, value, allowed: "CPU numbers such as \"0-3,8\"")
    }
    return list
  }

  /// At most 16 KiB: a list of all CPUs of the largest machine, one by one, is shorter.
  private static func isCPUList(_ list: String) -> Bool {
    guard list.utf8.count <= 16_384 else { return false }
    return list.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { range in
      let ends: [UInt16?] = range.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
      switch ends.count {
      case 1: return ends[0] != nil
      case 2: return zip(ends, ends.dropFirst()).allSatisfy { $0 != nil && $1 != nil && ($0 ?? 0) <= ($1 ?? 0) }
      default: return false
      }
    }
  }

  private static func nodes(_ node: ConfigurationNode) throws(UserError) -> [Int]? {
    let allowed: String = "\"all\" or different node numbers such as [0, 1]"
    guard let value: JSONValue = node["nodes"], value != .string("all") else { return nil }
    guard case .array(let elements) = value, !elements.isEmpty else {
      throw ConfigurationNode.failure(node.keyPath("nodes"), value, allowed: allowed)
    }
    let numbers: [Int] = elements.compactMap(\.exactInteger).filter { (0..<1024).contains($0) }
    guard numbers.count == elements.count, Set(numbers).count == numbers.count else {
      throw ConfigurationNode.failure(node.keyPath("nodes"), value, allowed: allowed)
    }
    return numbers
  }

  static func checkpoint(_ node: ConfigurationNode) throws(UserError) -> CheckpointConfiguration {
    try node.allowOnly(["every_epochs", "every_steps", "every_seconds", "keep_last", "keep_best"])
    return CheckpointConfiguration(
      everyEpochs: try node.integer("every_epochs", in: 0...1_000_000, default: 1),
      everySteps: try node.integer("every_steps", in: 0...1_000_000_000, default: 0),
      everySeconds: try node.number(
        "every_seconds", default: 0, allowed: "a number from 0 (off) to 1000000000", where: { (0...1e9).contains($0) }),
      keepLast: try node.integer("keep_last", in: 1...1_000_000, default: 2),
      keepBest: try node.integer("keep_best", in: 0...1_000_000, default: 0))
  }

  static func logging(_ node: ConfigurationNode) throws(UserError) -> LoggingConfiguration {
    try node.allowOnly(["every_steps"])
    return LoggingConfiguration(everySteps: try node.integer("every_steps", in: 1...1_000_000_000, default: 10))
  }
}
