import Diagnostics
import Storage

/// A checkpoint without its tensors, as rank 0 of a job tells the others what they continue.
extension Checkpoint {
  /// Everything but the tensors, as JSON.
  package var head: String {
    JSONValue.object(metadata.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) }).compactText
  }

  /// - Parameter file: what errors call it.
  /// - Throws: `UserError(.badData)` for text that `head` does not give.
  package init(head: String, file: String) throws(UserError) {
    guard let value = try? JSONReader.value(of: head, subject: file), case .object(let members) = value else {
      throw UserError(.badData, file, "is no checkpoint's metadata")
    }
    var metadata: [String: String] = [:]
    for member in members {
      if case .string(let text) = member.value { metadata[member.key] = text }
    }
    try self.init(parameters: [], state: [], metadata: metadata, file: file)
  }
}
