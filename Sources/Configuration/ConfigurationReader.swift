import ConfigurationKeys
import Diagnostics
import Network
import Storage

/// Turns a configuration file, the environment and flags into a checked `RunConfiguration`.
///
/// Later sources win: defaults, file, `LOCKSTEP_SECTION__KEY` variables, flags. All mistakes are reported at once.
package enum ConfigurationReader {
  /// The configuration in `file`.
  /// - Throws: `UserError`: `.inputMissing` if the file cannot be read, `.badConfiguration` about each wrong key path with
  ///   the value, where it was set, and what is allowed, or about the file with line and column if it is not JSON5.
  package static func read(
    file: String, environment: [String: String] = [:], flags: [ConfigurationOverride] = []
  ) throws(UserError) -> RunConfiguration {
    let text = try ConfigurationFile.text(at: file)
    let overrides = ConfigurationOverride.fromEnvironment(environment) + flags
    return try read(text: text, file: file, overrides: overrides)
  }

  /// The same from text; `file` names it in messages, its folder anchors relative paths, its stem is the default name.
  package static func read(
    text: String, file: String, overrides: [ConfigurationOverride] = []
  ) throws(UserError) -> RunConfiguration {
    var root = try JSONReader.value(of: text, subject: file)
    var origins: [(path: String, origin: String)] = []
    for override in overrides { origins.append((try root.apply(override), override.origin)) }
    let mistakes = ConfigurationMistakes(knownPaths: ConfigurationTable.paths)
    var run = unread(name: ConfigurationFile.stem(of: file))
    if let node = ConfigurationNode(root, path: "", keys: ConfigurationTable.keys, mistakes: mistakes) {
      ConfigurationTable.run.read(node, into: &run)
      run.data.finish(folder: ConfigurationFile.folder(of: file), model: run.model, mistakes)
    }
    try throwAny(mistakes, origins: origins, file: file)
    return run
  }

  /// What reading starts from; every key is then set, except perhaps the name.
  private static func unread(name: String) -> RunConfiguration {
    RunConfiguration(
      name: name, seed: 0, model: ModelSpecification(input: ImageShape(height: 1, width: 1, channels: 1), layers: []),
      data: DataConfiguration(source: .embeddedDigits, scale: 0, mean: [], std: []),
      training: TrainingConfiguration(
        epochs: 0, batchSize: 0, shuffle: false,
        optimizer: OptimizerConfiguration(learningRate: 0),
        learningRateSchedule: .constant),
      runtime: RuntimeConfiguration(workers: .auto, shardSize: 0, policy: .none, nodes: nil, useSMT: false),
      checkpoint: CheckpointConfiguration(), logging: LoggingConfiguration(everySteps: 0))
  }

  // MARK: Errors

  /// Throws what is wrong, each mistake with where its value came from: the last override at, above or below the key
  /// path, else the file.
  private static func throwAny(
    _ mistakes: ConfigurationMistakes, origins: [(path: String, origin: String)], file: String
  ) throws(UserError) {
    func origin(of mistake: UserError) -> String? {
      let keyPath = mistake.subject.prefix { $0 != " " }
      return origins.last { isWithin(keyPath, $0.path[...]) || isWithin($0.path[...], keyPath) }?.origin
    }
    guard let first = mistakes.list.first else { return }
    if mistakes.count == 1 { throw first.adding("(in \(origin(of: first) ?? file))") }
    throw UserError(
      .badConfiguration, file,
      parts: mistakes.list.map { mistake in
        origin(of: mistake).map { mistake.adding("(in \($0))") } ?? mistake
      }, of: mistakes.count)
  }

  private static func isWithin(_ path: Substring, _ outer: Substring) -> Bool {
    guard path.hasPrefix(outer) else { return false }
    let next = path.dropFirst(outer.count).first
    return next == nil || next == "." || next == "["
  }
}

extension DataConfiguration {
  /// Makes paths absolute and gives every channel its mean and deviation; notes means and deviations that do not fit the
  /// channels, or that take a pixel out of Float's range.
  fileprivate mutating func finish(folder: String, model: ModelSpecification, _ mistakes: ConfigurationMistakes) {
    source.finish(folder: folder, mistakes)
    if case .imageFolder = source, !model.layers.isEmpty, model.input.channels > 4 {
      mistakes.add(
        UserError(
          .badConfiguration, "data.format",
          "found image_folder for a model.input of \(model.input.channels) channels; allowed: 1 (grey) to 4 (RGB and alpha)"
        ))
    }
    // A value with a mistake still has its value from before reading.
    guard !model.layers.isEmpty, !mean.isEmpty, !std.isEmpty, scale != 0 else { return }
    let channels = model.input.channels
    mean = Self.perChannel(mean, "data.mean", channels, mistakes)
    std = Self.perChannel(std, "data.std", channels, mistakes)
    let limit = Double(Float.greatestFiniteMagnitude)
    for (channel, (mean, std)) in zip(mean, std).enumerated() {
      // Pixels are bytes.
      let largest = max(abs(mean), abs(255 * scale - mean))
      guard largest / std > limit else { continue }
      mistakes.add(
        UserError(
          .badConfiguration, largest > limit ? "data.scale" : "data.std",
          "(pixel · \(scale) − \(mean)) / \(std) reaches \(largest / std) in channel \(channel); allowed: at most "
            + "\(Float.greatestFiniteMagnitude), the largest Float"))
      return
    }
  }

  private static func perChannel(
    _ values: [Double], _ path: String, _ channels: Int, _ mistakes: ConfigurationMistakes
  ) -> [Double] {
    if values.count == channels { return values }
    if values.count == 1 { return Array(repeating: values[0], count: channels) }
    let allowed =
      channels == 1 ? "an array of 1 number" : "an array of 1 or \(channels) numbers, one per channel"
    mistakes.add(KeyKind.failure(path, .array(values.map { .number($0) }), allowed: allowed))
    return values
  }
}
