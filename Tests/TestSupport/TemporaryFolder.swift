import Foundation
import Storage

/// A folder of its own for a test, removed with everything in it when the value goes away.
package final class TemporaryFolder {
  package let path: String

  package init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("lockstep-" + UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of `name` inside the folder; nothing is created.
  package func file(_ name: String) -> String { path + "/" + name }

  /// Writes `text` to `name` and returns the path.
  package func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }

  /// Makes the folder `name` and those above it.
  package func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
  }

  package func text(_ name: String) throws -> String {
    String(decoding: try contents(ofFile: file(name)), as: UTF8.self)
  }

  package func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

  /// Writes `bytes` to `name` and returns the path.
  package func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }

  /// Names in the folder, sorted, hidden ones too.
  package var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

/// Everything in the file at `path`. Not by `Data(contentsOf:)`, which leaks 4 KiB for an empty file.
package func contents(ofFile path: String) throws -> [UInt8] {
  let input = try ByteInput(path: path)
  return try input.read(input.length)
}
