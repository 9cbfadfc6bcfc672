import Diagnostics
import Machine
import Storage

extension Checkpoint {
  /// The checkpoint in the file at `path`, whose tensors are compared with its digest and left there.
  ///
  /// - Throws: `UserError`: `.inputMissing`, or `.badData` if the file is not a checkpoint, is damaged, or holds more than
  ///   `available` memory.
  package static func open(
    _ path: String, available: AvailableMemory? = AvailableMemory.read()
  ) throws(UserError) -> Checkpoint {
    let reader = try SafetensorsReader(try ByteInput(path: path))
    try requireFormat(reader.metadata, path)
    if let available, reader.byteCount > available.bytes {
      throw UserError(
        .badData, path,
        "holds \(reader.byteCount) bytes of tensors, but \(available.bytes) are available (\(available.source))")
    }
    try forEachTensor(reader, keeps: { _ in false }) { (_) throws(UserError) in }
    return try Checkpoint(parameters: [], state: [], metadata: reader.metadata, file: path, isStored: true)
  }

  /// Reads the tensors of the stored checkpoint `self` one by one: parameters, then the slots of the optimizer's state,
  /// under the parameters' names.
  ///
  /// - Parameter fits: called with all names and shapes of parameters (`nil`) and of each known slot before any is read.
  /// - Throws: what `fits` throws; `UserError(.badData)` if the file has changed, when some tensors are read already.
  package func forEachStoredTensor(
    fits: (_ tensors: [(name: String, shape: [Int])], _ slot: StateSlot?) throws(UserError) -> Void,
    _ body: (_ tensor: NamedTensor, _ slot: StateSlot?) throws(UserError) -> Void
  ) throws(UserError) {
    let reader = try SafetensorsReader(try ByteInput(path: source))
    let parts = reader.tensors.map { (StateSlot.split($0.name), $0.shape) }
    for slot: StateSlot? in [nil] + StateSlot.known.map({ $0 }) {
      try fits(parts.filter { $0.0.slot == slot }.map { ($0.0.parameter, $0.1) }, slot)
    }
    try Self.forEachTensor(reader, keeps: { _ in true }) { (tensor) throws(UserError) in
      let (parameter, slot) = StateSlot.split(tensor.name)
      try body(NamedTensor(name: parameter, shape: tensor.shape, values: tensor.values), slot)
    }
  }

  /// Reads all tensors in turn and compares the whole with the digest in the file's metadata.
  private static func forEachTensor(
    _ reader: SafetensorsReader, keeps: (SafetensorsReader.Tensor) -> Bool,
    _ body: (NamedTensor) throws(UserError) -> Void
  ) throws(UserError) {
    var digest = StateDigest(reader.metadata.filter { $0.key != "state_digest" })
    for tensor in reader.tensors {
      digest.begin(tensor.name, tensor.shape)
      let isKept = keeps(tensor)
      let values = try reader.read(tensor, keeps: isKept) { digest.add($0) }
      if isKept { try body(NamedTensor(name: tensor.name, shape: tensor.shape, values: values)) }
    }
    try requireDigest(digest.text, reader.metadata, reader.name)
  }

  /// The checkpoint in the file at `path` with its tensors.
  ///
  /// - Throws: `UserError`: `.inputMissing`, or `.badData` if the file is not a checkpoint or is damaged.
  package static func read(_ path: String) throws(UserError) -> Checkpoint { try read(try ByteInput(path: path)) }

  /// The same from an input, a file or memory.
  package static func read(_ input: ByteInput) throws(UserError) -> Checkpoint {
    let file = try Safetensors.read(input)
    try requireFormat(file.metadata, input.name)
    let found = StateDigest.of(file.tensors, file.metadata.filter { $0.key != "state_digest" })
    try requireDigest(found, file.metadata, input.name)
    return try decode(file, name: input.name)
  }

  /// The checkpoint that `file` describes, whose digest has been compared.
  ///
  /// - Throws: `UserError(.badData)`: a correct digest does not prove that a run wrote the file.
  package static func decode(_ file: SafetensorsFile, name: String) throws(UserError) -> Checkpoint {
    var parameters: [NamedTensor] = []
    var tensors: [StateSlot: [NamedTensor]] = [:]
    for tensor in file.tensors {
      let (parameter, slot) = StateSlot.split(tensor.name)
      let named = NamedTensor(name: parameter, shape: tensor.shape, values: tensor.values)
      if let slot { tensors[slot, default: []].append(named) } else { parameters.append(named) }
    }
    let state: [SlotTensors] = StateSlot.known.compactMap { slot in
      tensors[slot].map { SlotTensors(slot: slot, tensors: $0) }
    }
    return try Checkpoint(parameters: parameters, state: state, metadata: file.metadata, file: name)
  }

  /// Whether a checkpoint with this metadata is of a format that is not known yet.
  package static func isOfNewerProgram(metadata: [String: String]) -> Bool {
    metadata["format"] == format && (metadata["format_version"].flatMap { Int($0) } ?? 0) > formatVersion
  }

  private static func requireFormat(_ metadata: [String: String], _ path: String) throws(UserError) {
    guard metadata["format"] == format else {
      throw UserError(
        .badData, path,
        "is not a checkpoint: its metadata has format \(shownEntry(metadata, "format")), not \"\(format)\"",
        hint: "--weights FILE starts a new run from weights")
    }
    guard metadata["format_version"] == String(formatVersion) else {
      throw UserError(
        .badData, path,
        "has format_version \(shownEntry(metadata, "format_version")); this program reads \(formatVersion)",
        hint: isOfNewerProgram(metadata: metadata) ? "a newer program wrote it, and can continue it" : nil)
    }
  }

  private static func requireDigest(
    _ found: String, _ metadata: [String: String], _ path: String
  ) throws(UserError) {
    guard metadata["state_digest"] == found else {
      throw UserError(
        .badData, path,
        "is damaged: its state_digest is \(shownEntry(metadata, "state_digest")), but its content gives \"\(found)\"")
    }
  }
}

/// `sha256:` over the metadata in the order of its keys and the tensors' names, shapes and bytes in their order.
package struct StateDigest {
  private var hash = SHA256()

  init(_ metadata: [String: String]) {
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { add("\(key)=\(value)\n") }
  }

  /// The tensor whose bytes come next.
  mutating func begin(_ name: String, _ shape: [Int]) { add("\(name) \(shape)\n") }

  mutating func add(_ bytes: UnsafeRawBufferPointer) { hash.update(bytes) }

  var text: String { hash.text }

  static func of(_ tensors: [NamedTensor], _ metadata: [String: String]) -> String {
    var digest = StateDigest(metadata)
    for tensor in tensors {
      digest.begin(tensor.name, tensor.shape)
      tensor.values.withUnsafeBytes { digest.add($0) }
    }
    return digest.text
  }

  /// Of weights alone, in whatever order they come.
  package static func ofWeights(_ tensors: [NamedTensor]) -> String {
    of(tensors.sorted { $0.name < $1.name }, [:])
  }

  private mutating func add(_ text: String) { Array(text.utf8).withUnsafeBytes { hash.update($0) } }
}
