import Diagnostics
import Storage

/// Names of classes in an archive of arrays: an array `class_names` of text, which NumPy calls `<U12` where the longest has
/// 12 characters, each 4 bytes, filled up with zeros.
enum NPZClassNames {
  static let name = "class_names"
  /// Characters of a name, at most.
  private static let longestName = 4096

  /// The names in `archive`, by their numbers; `nil` where it has none, or an array of that name that is not text.
  ///
  /// Throws `.badData` about an array of text that is not one-dimensional, or not as long as its shape says.
  static func read(_ archive: ZIPArchive) throws(UserError) -> [String]? {
    guard let entry = archive.entries.first(where: { $0.name == name + ".npy" }) else { return nil }
    let content = try archive.open(entry)
    let header = try NPYReader.header(of: content)
    guard header.elementType.hasPrefix("<U") else { return nil }
    guard header.shape.count == 1, let length = Int(header.elementType.dropFirst(2)),
      (1...longestName).contains(length), header.shape[0] <= content.maximumLength,
      header.shape[0] * length * 4 == content.maximumLength - content.position
    else {
      throw UserError(
        .badData, content.name,
        "has the shape \(header.shape) of \(header.elementType) in \(content.maximumLength) bytes; allowed: one dimension "
          + "of text of at most \(longestName) characters")
    }
    var names: [String] = []
    for _ in 0..<header.shape[0] {
      let bytes = try content.read(length * 4)
      var text = String.UnicodeScalarView()
      for place in stride(from: 0, to: bytes.count, by: 4) {
        let code = bytes.number(place, 4)
        guard code != 0 else { break }
        text.append(UInt32(exactly: code).flatMap { Unicode.Scalar($0) } ?? "\u{FFFD}")
      }
      names.append(String(text))
    }
    try content.expectEnd()
    return names
  }

  /// The array's header and content.
  static func array(_ names: [String]) -> (type: String, content: [UInt8]) {
    let length = max(1, names.map(\.unicodeScalars.count).max() ?? 1)
    var content: [UInt8] = []
    for name in names {
      var count = 0
      for scalar in name.unicodeScalars {
        content += scalar.value.littleEndianBytes
        count += 1
      }
      content += [UInt8](repeating: 0, count: 4 * (length - count))
    }
    return ("<U\(length)", content)
  }
}

extension ImageDataset {
  /// What an archive of NumPy arrays (`.npz`) calls the classes; `nil` where it does not say.
  package static func classNames(npz path: String) throws(UserError) -> [String]? {
    try NPZClassNames.read(try ZIPArchive(try ByteInput(path: path)))
  }

  /// Name and shape of every array in an archive that may hold images or labels.
  package static func arrayShapes(npz path: String) throws(UserError) -> [(name: String, shape: [Int])] {
    let archive = try ZIPArchive(try ByteInput(path: path))
    var found: [(name: String, shape: [Int])] = []
    for entry in archive.entries where entry.name.hasSuffix(".npy") {
      // Arrays of other types, such as text, are not what is looked for.
      guard let reader = try? NPYReader(try archive.open(entry)) else { continue }
      found.append((String(entry.name.dropLast(4)), reader.shape))
    }
    return found
  }
}
