import Configuration
import Datasets
import Diagnostics
import Storage

extension Checkpoint {
  /// Refuses a configuration under which the run would not continue with the same numbers.
  ///
  /// The program must compute the same numbers as the one that took the checkpoint.
  /// The table of keys says what may change between the parts of a run. The data's paths may, as its content is compared by
  /// fingerprint. The steps done must fit.
  /// - Parameter file: the checkpoint's path, for messages.
  /// - Throws: `UserError(.badData)` for other numerics; `.badConfiguration` naming each key that differs, with both values.
  package func requireSameNumbers(as run: RunConfiguration, file: String) throws(UserError) {
    guard numerics == NumericsVersion.current else {
      throw UserError(
        .badData, file,
        "the run was begun by a program that computes other numbers: numerics version \(numerics), here "
          + "\(NumericsVersion.current); continued here, its weights would be neither program's",
        hint: "finish it with the program that began it, or begin a new run from its weights: "
          + "--weights FILE --output DIR")
    }
    let before: [(path: String, value: JSONValue)] = resolvedConfiguration.leaves()
    let now: [(path: String, value: JSONValue)] = run.jsonValue.leaves()
    let old = Dictionary(before.map { ($0.path, $0.value) }) { first, _ in first }
    let new = Dictionary(now.map { ($0.path, $0.value) }) { first, _ in first }
    var seen: Set<String> = []
    var differences: [String] = []
    var firstPath = ""
    for (path, _) in now + before where seen.insert(path).inserted && !run.mayChange(path) {
      let (was, becomes): (String, String) = (
        old[path].map { $0.numberText } ?? "absent", new[path].map { $0.numberText } ?? "absent"
      )
      guard was != becomes else { continue }
      if differences.isEmpty { firstPath = path }
      differences.append("\(path) was \(was) and is now \(becomes)")
    }
    guard let first = differences.first else { return }
    let list =
      differences.count == 1 ? String(first.dropFirst(firstPath.count + 1)) : differences.joined(separator: "; ")
    throw UserError(
      .badConfiguration, differences.count == 1 ? firstPath : "\(differences.count) keys",
      "\(list): the run in \(file) would not continue with the same numbers",
      hint: "--resume never starts a new run in its place; --output DIR starts one elsewhere")
  }

  /// The configuration with today's defaults for keys that an older program did not have, which all stand for what it did; as
  /// it was written where it cannot be read.
  private var resolvedConfiguration: JSONValue {
    let run: RunConfiguration? = try? ConfigurationReader.read(text: configuration.compactText, file: source)
    return run?.jsonValue ?? configuration
  }

  /// Refuses data that the run was not trained on, and a checkpoint past the run's last step.
  ///
  /// - Throws: `UserError`, `.badData` or `.badConfiguration`.
  /// - Parameters:
  ///   - shards: of the run that is to continue.
  ///   - training: its `training` section.
  ///   - sampled: the fingerprint that older programs give the data.
  package func requireFits(
    _ shards: ShardPlan, _ training: TrainingConfiguration, dataFingerprint: String, sampled: @autoclosure () -> String
  ) throws(UserError) {
    guard dataFingerprint == self.dataFingerprint || sampled() == self.dataFingerprint else {
      throw UserError(
        .badData, "data",
        "holds different examples from those of the run: fingerprint \(dataFingerprint), in the checkpoint "
          + self.dataFingerprint, hint: "--resume never starts a new run")
    }
    let totalSteps = training.epochs * shards.stepsPerEpoch
    guard step <= totalSteps else {
      throw UserError(
        .badConfiguration, "training.epochs",
        "found \(training.epochs), whose last step is \(totalSteps); "
          + "the checkpoint is of step \(step)")
    }
    if let limit = training.maxSteps, step > limit {
      throw UserError(
        .badConfiguration, "training.max_steps", "found \(limit), but the checkpoint is of step \(step)")
    }
    let stepInEpoch = step % shards.stepsPerEpoch
    let cursor = stepInEpoch == 0 ? 0 : shards.batchRange(stepInEpoch: stepInEpoch - 1).upperBound
    for (entry, found, expected) in [
      ("progress.epochs_done", progress.epochsDone, step / shards.stepsPerEpoch),
      ("progress.epoch.steps", progress.epoch.steps, stepInEpoch), ("sample_cursor", progress.epoch.examples, cursor),
      ("progress.interval.steps", progress.interval.steps, min(progress.interval.steps, step)),
      ("progress.records", progress.recordCount, min(progress.recordCount, step + progress.epochsDone)),
    ] where found != expected {
      throw UserError(
        .badData, source, "the metadata entry \(entry) is \"\(found)\"; allowed: \(expected) after step \(step)")
    }
  }
}

extension JSONValue {
  /// The text of every value that is not a container, and of every empty container, by its key path.
  package var leafTexts: [String: String] {
    Dictionary(leaves().map { ($0.path, $0.value.numberText) }) { first, _ in first }
  }

  /// Every value that is not a container, and every empty container, with its key path.
  func leaves(_ path: String = "") -> [(path: String, value: JSONValue)] {
    switch self {
    case .object(let members) where !members.isEmpty:
      members.flatMap { $0.value.leaves(path.isEmpty ? $0.key : "\(path).\($0.key)") }
    case .array(let elements) where !elements.isEmpty:
      elements.enumerated().flatMap { $0.element.leaves("\(path)[\($0.offset)]") }
    default: [(path, self)]
    }
  }

  /// The same text for the same value, whether it is held as an integer or as a number.
  fileprivate var numberText: String {
    if case .number(let value) = self, let integer = Int(exactly: value) { return String(integer) }
    return excerpt()
  }
}
