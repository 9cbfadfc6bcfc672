import Diagnostics
import Network
import Storage

/// The parameters in a file: weights of this program or another, or a checkpoint, whose optimizer state is skipped. Of a run
/// that averages its weights, a checkpoint's are their average, which is what the run evaluates.
package struct WeightsFile: Sendable {
  package let tensors: [NamedTensor]
  /// Whether the file names a digest that its content matches.
  package let isChecked: Bool
  /// What the classes are called, if the file says.
  package let classNames: [String]?
  /// Parameters that the file has for another number of classes, with the shapes in the file; they are not in `tensors`.
  package let misfits: [(name: String, shape: [Int])]

  /// Reads the file at `path`, whose header must name the parameters of `table` and no others.
  ///
  /// What the header says is compared before any value is read.
  /// - Parameters:
  ///   - table: the network's, computed once the file is known to be there.
  ///   - newHead: whether the last layer may have another number of outputs than the file's.
  /// - Throws: `UserError`: `.inputMissing`; `.badData` if the file does not hold weights, is damaged, or has other tensors
  ///   than the network's; what `table` throws.
  package init(_ path: String, for table: @autoclosure () throws -> ParameterTable, newHead: Bool = false) throws {
    let reader = try SafetensorsReader(try ByteInput(path: path))
    let isCheckpoint = reader.metadata["format"] == Checkpoint.format
    func split(_ name: String) -> (parameter: String, slot: StateSlot?) {
      isCheckpoint ? StateSlot.split(name) : (name, nil)
    }
    let wanted = reader.tensors.map { split($0.name).slot }.first { $0 == .average } ?? nil
    let network = try table()
    var told = reader.tensors.filter { split($0.name).slot == wanted }.map { (split($0.name).parameter, $0.shape) }
    let misfits = newHead ? network.headMisfits(told) : []
    for misfit in misfits {
      for i in told.indices where told[i].0 == misfit.name { told[i].1 = misfit.needed }
    }
    try network.requireMatch(told, subject: path)
    self.misfits = misfits.map { ($0.name, $0.shape) }

    var state = StateDigest(reader.metadata.filter { $0.key != "state_digest" })
    var values = SHA256()
    var tensors: [NamedTensor] = []
    for tensor in reader.tensors {
      state.begin(tensor.name, tensor.shape)
      let (parameter, slot) = split(tensor.name)
      let isWanted = slot == wanted && !misfits.contains { $0.name == parameter }
      let floats: [Float] = try reader.read(tensor, keeps: isWanted) { bytes in
        if isCheckpoint { state.add(bytes) } else { values.update(bytes) }
      }
      if isWanted { tensors.append(NamedTensor(name: parameter, shape: tensor.shape, values: floats)) }
    }
    self.tensors = tensors
    classNames = try ClassNames.read(reader.metadata, file: path)
    let key = isCheckpoint ? "state_digest" : "digest"
    let digest: String? = isCheckpoint || reader.metadata["format"] == "lockstep" ? reader.metadata[key] : nil
    isChecked = digest != nil
    let found = isCheckpoint ? state.text : values.text
    guard !isCheckpoint && digest == nil || digest == found else {
      throw UserError(
        .badData, path,
        "is damaged: its \(key) is \(Checkpoint.shownEntry(reader.metadata, key)), but its content gives \"\(found)\"")
    }
  }

  /// Writes `weights.safetensors`, or what has its form.
  /// - Parameter classNames: of the data that they were trained on, where it names its classes.
  /// - Returns: the weights' digest, which is in the file.
  @discardableResult
  package static func write(
    _ weights: [NamedTensor], to place: FilePlace, digest: String? = nil, classNames: [String]? = nil
  ) throws(UserError) -> String {
    let digest = digest ?? WeightsDigest.of(weights)
    var metadata = [
      "format": "lockstep", "version": ProgramVersion.current, NumericsVersion.key: String(NumericsVersion.current),
      "digest": digest,
    ]
    if let classNames { metadata[ClassNames.key] = ClassNames.text(classNames) }
    try Safetensors.write(weights, metadata: metadata, to: place)
    return digest
  }
}
