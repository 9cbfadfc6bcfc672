import Diagnostics
import Glibc

/// The bytes of a file, or of memory under a file's name, read from first to last, or from where the reader moves to.
///
/// The length is known from the start, so that parsers can check declared sizes before they allocate. Reads ask the
/// system directly: no mapping that another process could shrink under us, no buffering.
package final class ByteInput {
  /// What errors call the input: the path.
  package let name: String
  /// Bytes in all.
  package let length: Int
  /// Bytes read so far.
  package private(set) var position: Int = 0

  private enum Backing {
    case file(descriptor: Int32)
    case memory([UInt8])
  }
  private let backing: Backing

  /// Opens the regular file at `path`.
  ///
  /// Throws `.inputMissing` if it does not exist, cannot be opened, or is a folder or device.
  package convenience init(path: String) throws(UserError) { try self.init(FilePlace(path: path)) }

  /// Opens the regular file at `place`; throws as `init(path:)`.
  package init(_ place: FilePlace) throws(UserError) {
    let path = place.path
    // O_NONBLOCK: opening a named pipe must not wait for a writer.
    let descriptor: Int32 = openat(place.descriptor, place.name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw UserError(.inputMissing, path, "cannot be opened: \(systemErrorText(errno))")
    }
    var status: stat = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      _ = close(descriptor)
      throw UserError(.inputMissing, path, isFolder ? "is a folder; a file is needed" : "is not a regular file")
    }
    name = path
    length = Int(status.st_size)
    backing = .file(descriptor: descriptor)
  }

  /// Reads `bytes`, named `name` in errors.
  package init(name: String, bytes: [UInt8]) {
    self.name = name
    length = bytes.count
    backing = .memory(bytes)
  }

  deinit {
    if case .file(let descriptor) = backing { _ = close(descriptor) }
  }

  /// The open file; `nil` for memory.
  package var descriptor: Int32? { if case .file(let descriptor) = backing { descriptor } else { nil } }

  /// Bytes not read yet.
  package var remaining: Int { length - position }

  /// Continues at `offset`, in `0...length`; throws `.inputMissing` where the device cannot.
  package func move(to offset: Int) throws(UserError) {
    precondition((0...length).contains(offset), "Offset \(offset) is outside \(length) bytes.")
    if case .file(let descriptor) = backing, lseek(descriptor, off_t(offset), SEEK_SET) != off_t(offset) {
      throw UserError(.inputMissing, name, "cannot be read at offset \(offset): \(systemErrorText(errno))")
    }
    position = offset
  }

  /// The next `count` bytes; throws as `read(into:)` does, before it allocates.
  package func read(_ count: Int) throws(UserError) -> [UInt8] {
    guard count <= remaining else { throw tooShort(count) }
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBufferPointer { (buffer) throws(UserError) in
      try read(into: UnsafeMutableRawBufferPointer(buffer))
    }
    return bytes
  }

  /// Fills `buffer` with the next bytes; throws `.badData` with the offset and both counts if too few are left,
  /// and `.inputMissing` where the device fails.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(UserError) {
    guard buffer.count <= remaining else { throw tooShort(buffer.count) }
    switch backing {
    case .memory(let bytes):
      bytes.withUnsafeBytes {
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<position + buffer.count]))
      }
    case .file(let descriptor):
      try read(descriptor, into: buffer)
    }
    position += buffer.count
  }

  private func tooShort(_ count: Int) -> UserError {
    UserError(.badData, name, "ends after \(length) bytes; \(count) are needed at offset \(position)")
  }

  private func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(UserError) {
    var done = 0
    while done < buffer.count {
      let got = Glibc.read(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
      if got < 0 && errno == EINTR { continue }
      if got < 0 {
        throw UserError(
          .inputMissing, name, "cannot be read at offset \(position + done): \(systemErrorText(errno))")
      }
      if got == 0 {
        throw UserError(
          .badData, name, "shrank while it was read: ends at offset \(position + done), was \(length) bytes long")
      }
      done += got
    }
  }
}

/// The C library's text for an error number, such as `No such file or directory`.
func systemErrorText(_ number: Int32) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { (buffer) -> String in
    guard let start = buffer.baseAddress,
      strerror_r(number, start, buffer.count) == 0
    else { return "error \(number)" }
    return String(cString: start)
  }
}
