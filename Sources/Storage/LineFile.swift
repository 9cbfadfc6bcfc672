import Diagnostics
import Glibc

/// A text file that grows by whole lines, such as metrics.
///
/// Each line is one write to the system, visible to readers at once and safe from a crash of the process. For one
/// thread at a time. Every error is `.cannotWrite` with the path and the system's reason.
package final class LineFile {
  package enum Start: Sendable {
    /// Begin with an empty file.
    case empty
    /// Keep at most the first lines; later ones, and a last line without its end, left by a kill, are cut off.
    case keepingFirst(Int)
  }

  package var path: String { file.name }
  private let file: OutputFile
  private let place: FilePlace
  private var length: Int
  /// Whole lines that were there already and are kept.
  package let keptLineCount: Int

  /// Opens the file at `path`, creating it if needed.
  package convenience init(path: String, start: Start) throws(UserError) {
    try self.init(FilePlace(path: path), start: start)
  }

  /// Opens the file at `place`, creating it if needed.
  package init(_ place: FilePlace, start: Start) throws(UserError) {
    self.place = place
    let limit: Int? =
      switch start {
      case .empty: nil
      case .keepingFirst(let count): count
      }
    if let limit, try place.exists() {
      let (whole, lines): (Int, Int) = try LineFile.lengthOfWholeLines(place, atMost: limit)
      keptLineCount = lines
      file = try OutputFile(place: place, flags: O_APPEND, name: place.path)
      length = try file.length()
      if length > whole {
        guard file.truncate(to: whole) else { throw OutputFile.failure(place.path, "cannot be shortened", errno) }
        length = whole
      }
    } else {
      file = try OutputFile(place: place, flags: O_CREAT | O_TRUNC | O_APPEND, name: place.path)
      length = 0
      keptLineCount = 0
    }
  }

  /// Appends `line` and a newline; a line that fails half-way is removed again. `line` holds no newline itself.
  package func append(_ line: String) throws(UserError) {
    assert(!line.utf8.contains(10), "A line holds no newline.")
    try append(lines: Array(line.utf8) + [10])
  }

  /// Appends whole lines, each with its newline, in one write; if it fails half-way, all are removed again.
  package func append(lines bytes: [UInt8]) throws(UserError) {
    assert(bytes.last == 10, "The last line has no end.")
    do throws(UserError) {
      try file.write(bytes)
    } catch {
      _ = file.truncate(to: length)
      throw error
    }
    length += bytes.count
  }

  /// Returns when the device has every line.
  package func flush() throws(UserError) { try file.synchronize() }

  /// Checks that the file is still the one at its place; throws if it was removed or replaced.
  package func requireInPlace() throws(UserError) {
    guard try file.lies(at: place) else {
      throw UserError(.cannotWrite, path, "was removed or replaced while the run wrote it")
    }
  }

  /// The position after the last newline of the file at `place`, or after that of line `limit`, and the lines up to it.
  private static func lengthOfWholeLines(
    _ place: FilePlace, atMost limit: Int
  ) throws(UserError) -> (bytes: Int, lines: Int) {
    do throws(UserError) {
      let input = try ByteInput(place)
      var (whole, lines): (Int, Int) = (0, 0)
      while input.remaining > 0, lines < limit {
        let start = input.position
        let piece = try input.read(min(65536, input.remaining))
        for (offset, byte) in piece.enumerated() where byte == 10 && lines < limit {
          whole = start + offset + 1
          lines += 1
        }
      }
      return (whole, lines)
    } catch {
      // The user asked to write here, so that is what failed.
      throw UserError(.cannotWrite, place.path, "cannot be continued: it \(error.message)")
    }
  }
}
