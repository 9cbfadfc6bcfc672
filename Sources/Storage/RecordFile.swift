import Diagnostics
import Glibc

/// A file that grows by whole records, each one write to the system; for one thread at a time.
///
/// Every error is `.cannotWrite` with the path and the system's reason.
package final class RecordFile {
  private let file: OutputFile
  private var length = 0

  /// Opens the file at `place`, empty.
  package init(_ place: FilePlace) throws(UserError) {
    file = try OutputFile(place: place, flags: O_CREAT | O_TRUNC | O_APPEND, name: place.path)
  }

  /// Appends a record; one that fails half-way is removed again.
  package func append(_ bytes: [UInt8]) throws(UserError) {
    do throws(UserError) {
      try file.write(bytes)
    } catch {
      _ = file.truncate(to: length)
      throw error
    }
    length += bytes.count
  }
}
