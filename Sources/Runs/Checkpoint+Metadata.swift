import Configuration
import Diagnostics
import Storage

extension Checkpoint {
  /// Everything but the tensors, as text: integers in decimal, floating point as the shortest decimal that reads back.
  ///
  /// `epoch` counts finished epochs, `sample_cursor` the examples seen in the next one.
  var metadata: [String: String] {
    let configuration = configuration.compactText
    var text: [String: String] = [
      "format": Self.format, "format_version": String(Self.formatVersion), "step": String(step),
      "epoch": String(progress.epochsDone), "sample_cursor": String(progress.epoch.examples), "seed": seedText,
      "configuration": configuration, "configuration_digest": Self.digest(configuration),
      "data": dataFingerprint,
    ]
    for field in ProgressField.all { text[field.key] = field.text(progress) }
    text["initial_weights"] = initialWeights
    if numerics != NumericsVersion.unnamed { text[NumericsVersion.key] = String(numerics) }
    return text
  }

  private static func digest(_ text: String) -> String {
    Array(text.utf8).withUnsafeBytes { SHA256.text(of: $0) }
  }

  private var seedText: String { configuration["seed"]?.excerpt() ?? "none" }

  /// A metric on the whole epoch that ended with the checkpoint with this metadata; `nil` inside an epoch.
  package static func value(of metric: Metric, metadata: [String: String]) -> Double? {
    guard metadata["format"] == format, metadata["progress.epoch.steps"] == "0" else { return nil }
    let key =
      switch metric {
      case .loss: "last_epoch_loss"
      case .accuracy: "last_epoch_accuracy"
      case .validationLoss: "val_loss"
      case .validationAccuracy: "val_accuracy"
      case .validationTopFive: "val_top5_accuracy"
      }
    return metadata["progress.\(key)"].flatMap { Double($0) }.flatMap { $0.isFinite ? $0 : nil }
  }

  /// What the metadata has under `key`, for messages.
  static func shownEntry(_ metadata: [String: String], _ key: String) -> String {
    metadata[key].map { "\"\($0.prefix(80))\"" } ?? "nothing"
  }

  /// The inverse of `metadata`, for metadata that could have been written for some run and nothing else.
  ///
  /// - Throws: `UserError(.badData)` naming the entry, what it holds and what is allowed.
  init(
    parameters: [NamedTensor], state: [SlotTensors], metadata: [String: String], file: String, isStored: Bool = false
  ) throws(UserError) {
    func failure(_ key: String, allowed: String) -> UserError {
      UserError(
        .badData, file, "the metadata entry \(key) is \(Self.shownEntry(metadata, key)); allowed: \(allowed)")
    }
    var progress = ProgressState()
    for field in ProgressField.all {
      guard field.read(metadata[field.key], &progress) else { throw failure(field.key, allowed: field.allowed) }
    }
    guard let step = metadata["step"].flatMap({ Int($0) }), step == progress.stepsDone else {
      throw failure("step", allowed: "the value of progress.steps_done, \(progress.stepsDone)")
    }
    guard let text = metadata["configuration"],
      let configuration = try? JSONReader.value(of: text, subject: file)
    else { throw failure("configuration", allowed: "a configuration as JSON") }
    guard let fingerprint = metadata["data"] else { throw failure("data", allowed: "a fingerprint") }
    guard let numerics = metadata[NumericsVersion.key].map({ Int($0) }) ?? NumericsVersion.unnamed else {
      throw failure(NumericsVersion.key, allowed: "an integer, or no entry")
    }
    self.init(
      step: step, parameters: parameters, state: state, configuration: configuration,
      dataFingerprint: fingerprint, progress: progress, initialWeights: metadata["initial_weights"],
      numerics: numerics, source: file, isStored: isStored)
    // Entries that follow from others, and numbers written differently from ours.
    for (key, value) in self.metadata.sorted(by: { $0.key < $1.key }) where metadata[key] != value {
      throw failure(key, allowed: "\"\(value.prefix(80))\", by the other entries")
    }
  }
}

/// One value of `ProgressState` in a checkpoint's metadata.
private struct ProgressField {
  let key: String
  let allowed: String
  let text: (ProgressState) -> String?
  /// Returns whether the text was understood.
  let read: (String?, inout ProgressState) -> Bool

  static var all: [ProgressField] {
    sums("interval", \.interval) + sums("epoch", \.epoch) + [
      sum("last_epoch_loss", \.lastEpochLoss), optional("val_loss", \.validationLoss),
      optional("val_accuracy", \.validationAccuracy), optional("best_val_accuracy", \.bestValidationAccuracy),
      optional("best_epoch", \.bestEpoch), count("total_examples", \.totalExamples),
      count("total_ns", \.totalNanoseconds), count("steps_done", \.stepsDone), count("epochs_done", \.epochsDone),
      count("records", \.recordCount), late("elapsed_ns", \.elapsedNanoseconds),
      optional("last_epoch_accuracy", \.lastEpochAccuracy), optional("val_top5_accuracy", \.validationTopFive),
      optional("plateau.rate", \.plateau.rate), optional("plateau.best", \.plateau.best),
      late("plateau.bad_evaluations", \.plateau.badEvaluations), late("plateau.cooldown", \.plateau.cooldown),
      optional("patience.best", \.patience.best), late("patience.waited", \.patience.waited),
    ]
  }

  private static func sums(
    _ name: String, _ path: WritableKeyPath<ProgressState, ProgressState.Sums>
  ) -> [ProgressField] {
    [
      count("\(name).steps", path.appending(path: \.steps)),
      count("\(name).examples", path.appending(path: \.examples)),
      sum("\(name).loss", path.appending(path: \.loss)),
      count("\(name).correct", path.appending(path: \.correct)),
      count("\(name).step_ns", path.appending(path: \.stepNanoseconds)),
      count("\(name).reduce_ns", path.appending(path: \.reduceNanoseconds)),
      count("\(name).barrier_ns", path.appending(path: \.barrierNanoseconds)),
      late("\(name).meetings_ns", path.appending(path: \.meetingsNanoseconds)),
      late("\(name).exchange_ns", path.appending(path: \.exchangeNanoseconds)),
    ]
  }

  /// An integer small enough for a run to go on counting from it.
  private static func count<Value: FixedWidthInteger & LosslessStringConvertible>(
    _ name: String, _ path: WritableKeyPath<ProgressState, Value>
  ) -> ProgressField {
    let range: ClosedRange<Value> = 0...(1 << 56)
    return ProgressField(
      key: "progress.\(name)", allowed: "an integer from 0 to \(range.upperBound)", text: { String($0[keyPath: path]) }
    ) {
      guard let value = $0.flatMap({ Value($0) }), range.contains(value) else { return false }
      $1[keyPath: path] = value
      return true
    }
  }

  /// A count that checkpoints from older programs lack; 0 is not written, so that those read back unchanged.
  private static func late<Value: FixedWidthInteger & LosslessStringConvertible>(
    _ name: String, _ path: WritableKeyPath<ProgressState, Value>
  ) -> ProgressField {
    let field = count(name, path)
    return ProgressField(
      key: field.key, allowed: field.allowed + ", or no entry",
      text: { $0[keyPath: path] == 0 ? nil : field.text($0) },
      read: { $0 == nil || field.read($0, &$1) })
  }

  private static func sum(_ name: String, _ path: WritableKeyPath<ProgressState, Double>) -> ProgressField {
    ProgressField(
      key: "progress.\(name)", allowed: "a finite number of at least 0", text: { String($0[keyPath: path]) }
    ) {
      guard let value: Double = $0.flatMap({ Double($0) }), value >= 0, value.isFinite else { return false }
      $1[keyPath: path] = value
      return true
    }
  }

  /// An entry that is absent if there is no value.
  private static func optional<Value: LosslessStringConvertible & Comparable & ExpressibleByIntegerLiteral>(
    _ name: String, _ path: WritableKeyPath<ProgressState, Value?>
  ) -> ProgressField {
    ProgressField(
      key: "progress.\(name)", allowed: "a number of at least 0, or no entry",
      text: { $0[keyPath: path].map { String($0) } }
    ) {
      guard let text = $0 else { return true }
      // A validation loss may be infinite or NaN; both are kept as they are.
      guard let value = Value(text), !(value < 0) else { return false }
      $1[keyPath: path] = value
      return true
    }
  }
}
