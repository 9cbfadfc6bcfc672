import Diagnostics
import Network
import Storage

/// Turns a configuration file, the environment and flags into a checked `RunConfiguration`.
///
/// Later sources win: defaults, file, `LOCKSTEP_SECTION__KEY` variables, flags.
package struct ConfigurationReader {
  /// The folder that relative paths are relative to, absolute.
  let folder: String
  let root: JSONValue

  /// The configuration in `file`.
  /// - Throws: `UserError`: `.inputMissing` where the file cannot be read, `.badConfiguration` about a key path with the
  ///   value, where it was set, and what is allowed, or about the file with line and column where it is no JSON5.
  package static func read(
    file: String, environment: [String: String] = [:], flags: [ConfigurationOverride] = []
  ) throws(UserError) -> RunConfiguration {
    let text: String = try ConfigurationFile.text(at: file)
    let overrides: [ConfigurationOverride] = ConfigurationOverride.fromEnvironment(environment) + flags
    return try read(text: text, file: file, overrides: overrides)
  }

  /// The same from text; `file` names it in messages, its folder anchors relative paths, its stem is the default name.
  package static func read(
    text: String, file: String, overrides: [ConfigurationOverride] = []
  ) throws(UserError) -> RunConfiguration {
    var root: JSONValue = try JSONReader.value(of: text, subject: file)
    var origins: [(path: String, origin: String)] = []
    for override: ConfigurationOverride in overrides {
      origins.append((try root.apply(override), override.origin))
    }
    do {
      let reader: ConfigurationReader = ConfigurationReader(folder: ConfigurationFile.folder(of: file), root: root)
      return try reader.configuration(defaultName: ConfigurationFile.stem(of: file))
    } catch {
      throw Self.located(error, origins: origins, file: file)
    }
  }

  /// Adds where the value came from: the last override at, above or below the error's key path, else the file.
  private static func located(_ error: UserError, origins: [(path: String, origin: String)], file: String) -> UserError
  {
    guard error.category == .badConfiguration else { return error }
    let keyPath: Substring = error.subject.prefix { $0 != " " }
    let source: String? = origins.last { isWithin(keyPath, $0.path[...]) || isWithin($0.path[...], keyPath) }?.origin
    return UserError(error.category, error.subject, "\(error.message) (in \(source ?? file))", hint: error.hint)
  }

  private static func isWithin(_ path: Substring, _ outer: Substring) -> Bool {
    guard path.hasPrefix(outer) else { return false }
    let next: Character? = path.dropFirst(outer.count).first
    return next == nil || next == "." || next == "["
  }

  private func configuration(defaultName: String) throws(UserError) -> RunConfiguration {
    let node: ConfigurationNode = try ConfigurationNode(root, path: "")
    try node.allowOnly(
      ["name", "seed", "model", "data", "training", "runtime", "checkpoint", "logging"],
      elsewhere: Self.sectionKeyPaths)
    let model: ModelSpecification = try Self.model(node.node("model"))
    _ = try model.outputShapes()
    return RunConfiguration(
      name: try Self.name(node, default: defaultName),
      seed: UInt64(try node.integer("seed", in: 0...Int.max, default: 1)),
      model: model,
      data: try data(node.node("data"), channels: model.input.channels),
      training: try Self.training(node.node("training")),
      runtime: try Self.runtime(node.node("runtime")),
      checkpoint: try Self.checkpoint(node.node("checkpoint")),
      logging: try Self.logging(node.node("logging")))
  }

  private static func name(_ node: ConfigurationNode, default fallback: String) throws(UserError) -> String {
    guard let value: JSONValue = node["name"] else { return fallback }
    let allowed: String = "1 to 128 characters that can name a folder, without /"
    guard case .string(let name) = value, (1...128).contains(name.count), name != ".", name != "..",
      name.unicodeScalars.allSatisfy({ $0 != "/" && $0.value >= 0x20 && $0.value != 0x7F })
    else { throw ConfigurationNode.failure("name", value, allowed: allowed) }
    return name
  }

  /// Paths of keys below the sections, for the hint when one is written a level too high.
  static let sectionKeyPaths: [String] = [
    "model.input", "model.layers", "data.format", "data.train", "data.test", "data.scale", "data.mean", "data.std",
    "training.epochs", "training.batch_size", "training.shuffle", "training.optimizer", "training.optimizer.lr",
    "training.optimizer.momentum", "training.optimizer.nesterov", "training.optimizer.weight_decay",
    "training.lr_schedule", "runtime.workers", "runtime.shard_size", "runtime.placement", "runtime.placement.policy",
    "runtime.placement.nodes", "runtime.placement.use_smt", "runtime.placement.cpus", "runtime.memory",
    "runtime.memory.dataset", "runtime.memory.huge_pages", "checkpoint.every_epochs", "checkpoint.keep_last",
    "logging.every_steps",
  ]
}
