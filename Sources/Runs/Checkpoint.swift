import Configuration
import Diagnostics
import Storage

/// Everything that a run needs to continue as if it had never stopped, taken after a whole step.
///
/// Epoch, position in the epoch's order and learning rate follow from `step`; random numbers from seed and position.
package struct Checkpoint: Sendable, Hashable {
  /// Steps done since the start of training.
  package let step: Int
  /// Parameters in layer order, weight before bias, in their public layouts; empty if `isStored`.
  package let parameters: [NamedTensor]
  /// The optimizer's state, slot by slot, under the parameters' names; empty if `isStored`.
  package let state: [SlotTensors]
  /// The resolved configuration, by which a changed one is refused.
  package let configuration: JSONValue
  /// What the examples looked like.
  package let dataFingerprint: String
  package let progress: ProgressState
  /// `StateDigest` of the weights that the run was started from; `nil` for random ones.
  package let initialWeights: String?
  /// The numerics of the program that took it.
  package let numerics: Int
  /// What errors call the checkpoint: the file it was read from.
  package let source: String
  /// Whether the tensors are left in the file `source` until there is memory for them.
  package let isStored: Bool

  package init(
    step: Int, parameters: [NamedTensor], state: [SlotTensors], configuration: JSONValue, dataFingerprint: String,
    progress: ProgressState, initialWeights: String? = nil, numerics: Int = NumericsVersion.current,
    source: String = "the checkpoint", isStored: Bool = false
  ) {
    self.step = step
    self.parameters = parameters
    self.state = state
    self.configuration = configuration
    self.dataFingerprint = dataFingerprint
    self.progress = progress
    self.initialWeights = initialWeights
    self.numerics = numerics
    self.source = source
    self.isStored = isStored
  }

  /// Lines of `metrics.jsonl` that belong to the steps done.
  package var recordCount: Int { progress.recordCount }

  /// Accuracy on the test set with exactly these parameters; `nil` inside an epoch or without a test set.
  package var validationAccuracy: Double? { progress.epoch.steps == 0 ? progress.validationAccuracy : nil }

  /// `sha256:` over the parameters, as in `weights.safetensors`.
  package var weightsDigest: String { WeightsDigest.of(parameters) }

  /// Whether the run that took it was at its end: nothing is left to train by its own configuration.
  package var isFinished: Bool {
    if epochs.map({ progress.epochsDone >= $0 }) ?? false { return true }
    guard let run = try? ConfigurationReader.read(text: configuration.compactText, file: source) else { return false }
    return run.training.maxSteps.map { step >= $0 } ?? false || progress.isOver(run.training)
  }

  /// `training.epochs` of the run that took it.
  package var epochs: Int? {
    guard case .integer(let epochs)? = configuration["training"]?["epochs"] else { return nil }
    return epochs
  }

  /// Digits in the name of a file, so that names sort as steps do.
  private static let digitCount = 8

  /// The name of the file that holds the state after `step` steps.
  package static func fileName(step: Int) -> String {
    let digits = String(step)
    return "checkpoint-\(String(repeating: "0", count: max(0, digitCount - digits.count)))\(digits).safetensors"
  }

  /// The step in the name of a checkpoint's file, with leading zeros or, as older programs wrote it, without; `nil` for
  /// other names.
  package static func step(fileName: String) -> Int? {
    let (prefix, suffix): (String, String) = ("checkpoint-", ".safetensors")
    guard fileName.hasPrefix(prefix), fileName.hasSuffix(suffix) else { return nil }
    let digits: Substring = fileName.dropFirst(prefix.count).dropLast(suffix.count)
    guard let step = Int(digits), step >= 0, fileName == Self.fileName(step: step) || String(step) == digits else {
      return nil
    }
    return step
  }

  /// A slot's tensors, none if the checkpoint lacks it.
  package func tensors(of slot: StateSlot) -> [NamedTensor] { state.first { $0.slot == slot }?.tensors ?? [] }

  /// The first parameter with a value that is not finite, itself or in the optimizer's state.
  package var nonFiniteParameter: String? {
    for tensors in [parameters] + state.map(\.tensors) {
      for tensor in tensors where !tensor.values.allSatisfy(\.isFinite) { return tensor.name }
    }
    return nil
  }
}

extension Checkpoint {
  static let format = "lockstep-checkpoint"
  static let formatVersion = 1

  /// Writes the file at `place`, which exists whole or not at all and has been read back when this returns.
  ///
  /// - Throws: `UserError(.cannotWrite)`; an older file at `place` is then as it was.
  package func write(to place: FilePlace) throws(UserError) {
    let state: [NamedTensor] = state.flatMap { slot in
      slot.tensors.map { NamedTensor(name: $0.name + slot.slot.suffix, shape: $0.shape, values: $0.values) }
    }
    var metadata = self.metadata
    metadata["digest"] = weightsDigest
    metadata["state_digest"] = StateDigest.of(parameters + state, metadata)
    try Safetensors.write(parameters + state, metadata: metadata, to: place, verified: true)
  }

  /// The same for a path.
  package func write(to path: String) throws(UserError) { try write(to: FilePlace(path: path)) }
}
