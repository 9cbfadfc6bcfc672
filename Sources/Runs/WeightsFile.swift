import Diagnostics
import Network
import Storage

/// The parameters in a file: weights of this program or another, or a checkpoint, whose optimizer state is passed over.
package struct WeightsFile: Sendable {
  package let tensors: [NamedTensor]
  /// Whether the file told a digest, and its content gave it.
  package let isChecked: Bool

  /// Reads the file at `path`, whose header must name the parameters of `table` and no others.
  ///
  /// What the header says is compared before any value is read.
  /// - Parameter table: the network's, asked for once the file is known to be there.
  /// - Throws: `UserError`: `.inputMissing`; `.badData` where the file is not one of weights, is damaged, or its tensors are
  ///   not the network's; what `table` throws.
  package init(_ path: String, for table: @autoclosure () throws -> ParameterTable) throws {
    let reader: SafetensorsReader = try SafetensorsReader(try ByteInput(path: path))
    let isCheckpoint: Bool = reader.metadata["format"] == Checkpoint.format
    func isParameter(_ tensor: SafetensorsReader.Tensor) -> Bool {
      !isCheckpoint || StateSlot.split(tensor.name).slot == nil
    }
    try table().requireMatch(reader.tensors.filter(isParameter).map { ($0.name, $0.shape) }, subject: path)

    var state: StateDigest = StateDigest(reader.metadata.filter { $0.key != "state_digest" })
    var values: SHA256 = SHA256()
    var tensors: [NamedTensor] = []
    for tensor: SafetensorsReader.Tensor in reader.tensors {
      state.begin(tensor.name, tensor.shape)
      let isWanted: Bool = isParameter(tensor)
      let floats: [Float] = try reader.read(tensor, keeps: isWanted) { bytes in
        if isCheckpoint { state.add(bytes) } else { values.update(bytes) }
      }
      if isWanted { tensors.append(NamedTensor(name: tensor.name, shape: tensor.shape, values: floats)) }
    }
    self.tensors = tensors
    let key: String = isCheckpoint ? "state_digest" : "digest"
    let told: String? = isCheckpoint || reader.metadata["format"] == "lockstep" ? reader.metadata[key] : nil
    isChecked = told != nil
    let found: String = isCheckpoint ? state.text : values.text
    guard !isCheckpoint && told == nil || told == found else {
      throw UserError(
        .badData, path,
        "is damaged: its \(key) is \(Checkpoint.shownEntry(reader.metadata, key)), but its content gives \"\(found)\"")
    }
  }
}
