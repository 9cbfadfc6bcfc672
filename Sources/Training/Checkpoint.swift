import Datasets
import Diagnostics
import Network
import Storage

/// Everything that a run needs to go on as if it had never stopped, taken after a whole step.
///
/// Epoch, position in the epoch's order and learning rate follow from `step`; random numbers from seed and position.
package struct Checkpoint: Sendable, Hashable {
  /// Steps done since the start of training.
  package let step: Int
  /// Parameters and momentum in layer order, weight before bias, in their public layouts; the same names in both.
  package let parameters: [NamedTensor]
  package let velocity: [NamedTensor]
  /// The resolved configuration, by which a changed one is refused.
  package let configuration: JSONValue
  /// What the examples looked like.
  package let dataFingerprint: String
  let progress: ProgressState
  /// What errors call the checkpoint: the file it was read from.
  let source: String

  init(
    step: Int, parameters: [NamedTensor], velocity: [NamedTensor], configuration: JSONValue, dataFingerprint: String,
    progress: ProgressState, source: String = "the checkpoint"
  ) {
    self.step = step
    self.parameters = parameters
    self.velocity = velocity
    self.configuration = configuration
    self.dataFingerprint = dataFingerprint
    self.progress = progress
    self.source = source
  }

  /// Lines of `metrics.jsonl` that belong to the steps done.
  package var recordCount: Int { progress.recordCount }

  /// Accuracy on the test set with these very parameters; `nil` inside an epoch or without a test set.
  package var validationAccuracy: Double? { progress.epoch.steps == 0 ? progress.validationAccuracy : nil }

  /// `sha256:` over the parameters, as in `weights.safetensors`.
  package var weightsDigest: String { WeightsDigest.of(parameters) }

  /// The name of the file that holds the state after `step` steps.
  package static func fileName(step: Int) -> String { "checkpoint-\(step).safetensors" }

  /// The step in the name of a checkpoint's file; `nil` for other names.
  package static func step(fileName: String) -> Int? {
    let (prefix, suffix): (String, String) = ("checkpoint-", ".safetensors")
    guard fileName.hasPrefix(prefix), fileName.hasSuffix(suffix) else { return nil }
    let digits: Substring = fileName.dropFirst(prefix.count).dropLast(suffix.count)
    guard let step: Int = Int(digits), step >= 0, String(step) == digits else { return nil }
    return step
  }

  /// The first parameter with a value that is not finite, itself or its momentum.
  var nonFiniteParameter: String? {
    for tensors in [parameters, velocity] {
      for tensor in tensors where !tensor.values.allSatisfy(\.isFinite) { return tensor.name }
    }
    return nil
  }
}

extension Checkpoint {
  static let format: String = "lockstep-checkpoint"
  static let formatVersion: Int = 1
  private static let velocitySuffix: String = ".velocity"

  /// Writes the file at `path`, which exists whole or not at all and has been read back when this returns.
  ///
  /// - Throws: `UserError(.cannotWrite)`; an older file at `path` is then as it was.
  package func write(to path: String) throws(UserError) {
    let momentum: [NamedTensor] = velocity.map {
      NamedTensor(name: $0.name + Self.velocitySuffix, shape: $0.shape, values: $0.values)
    }
    var metadata: [String: String] = self.metadata
    metadata["digest"] = weightsDigest
    metadata["state_digest"] = Self.stateDigest(parameters + momentum, metadata)
    try Safetensors.write(parameters + momentum, metadata: metadata, to: path, verified: true)
  }

  /// The checkpoint in the file at `path`.
  ///
  /// - Throws: `UserError`: `.inputMissing`, or `.badData` where the file is no checkpoint or is damaged.
  package static func read(_ path: String) throws(UserError) -> Checkpoint { try read(try ByteInput(path: path)) }

  /// The same of an input, a file or memory.
  package static func read(_ input: ByteInput) throws(UserError) -> Checkpoint {
    let path: String = input.name
    let file: SafetensorsFile = try Safetensors.read(input)
    let metadata: [String: String] = file.metadata
    guard metadata["format"] == format else {
      throw UserError(
        .badData, path,
        "is no checkpoint: its metadata has format \(shownEntry(metadata, "format")), not \"\(format)\"",
        hint: "--weights FILE starts a new run from weights")
    }
    guard metadata["format_version"] == String(formatVersion) else {
      throw UserError(
        .badData, path,
        "has format_version \(shownEntry(metadata, "format_version")); this program reads \(formatVersion)")
    }
    let found: String = stateDigest(file.tensors, metadata.filter { $0.key != "state_digest" })
    guard metadata["state_digest"] == found else {
      throw UserError(
        .badData, path,
        "is damaged: its state_digest is \(shownEntry(metadata, "state_digest")), but its content gives \"\(found)\"")
    }
    return try decode(file, name: path)
  }

  /// The checkpoint that `file` describes, whose digest was compared.
  ///
  /// - Throws: `UserError(.badData)`, as a digest keeps nobody from writing what no run has written.
  package static func decode(_ file: SafetensorsFile, name: String) throws(UserError) -> Checkpoint {
    var parameters: [NamedTensor] = []
    var velocity: [NamedTensor] = []
    for tensor: NamedTensor in file.tensors {
      if tensor.name.hasSuffix(velocitySuffix) {
        let name: String = String(tensor.name.dropLast(velocitySuffix.count))
        velocity.append(NamedTensor(name: name, shape: tensor.shape, values: tensor.values))
      } else {
        parameters.append(tensor)
      }
    }
    return try Checkpoint(parameters: parameters, velocity: velocity, metadata: file.metadata, file: name)
  }

  /// The tensors of `file` that are parameters: all, unless it is a checkpoint.
  package static func parameters(of file: SafetensorsFile) -> [NamedTensor] {
    guard file.metadata["format"] == format else { return file.tensors }
    return file.tensors.filter { !$0.name.hasSuffix(velocitySuffix) }
  }

  /// Over the tensors' names and bytes in their order and the metadata in the order of its keys.
  private static func stateDigest(_ tensors: [NamedTensor], _ metadata: [String: String]) -> String {
    var hash: SHA256 = SHA256()
    func add(_ text: String) { Array((text + "\n").utf8).withUnsafeBytes { hash.update($0) } }
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { add("\(key)=\(value)") }
    for tensor: NamedTensor in tensors {
      add("\(tensor.name) \(tensor.shape)")
      tensor.values.withUnsafeBytes { hash.update($0) }
    }
    return hash.text
  }
}
