import Diagnostics
import Glibc

/// An open file for writing; every failure is `.cannotWrite` with the path users know and the system's reason.
package final class OutputFile {
  /// What errors call the file.
  package let name: String
  private var descriptor: Int32
  /// Whether `write` compares instead of writing.
  private var isVerifying = false

  /// Opens `place` with `flags` besides `access`; new files get mode 0666 less the process's umask.
  ///
  /// In a folder that is held open, only a regular file is allowed: opening a named pipe there would wait for a reader.
  init(place: FilePlace, access: Int32 = O_WRONLY, flags: Int32, name: String) throws(UserError) {
    self.name = name
    let patience: Int32 = place.folder == nil ? 0 : O_NONBLOCK
    descriptor =
      FileFaults.fails(.create)
      ? -1 : openat(place.descriptor, place.name, access | O_CLOEXEC | patience | flags, 0o666)
    if descriptor < 0 { throw OutputFile.failure(name, "cannot be created", errno) }
    var status: stat = stat()
    if place.folder != nil, fstat(descriptor, &status) != 0 || status.st_mode & S_IFMT != S_IFREG {
      throw UserError(.cannotWrite, name, "is not a regular file")
    }
  }

  deinit {
    if descriptor >= 0 { _ = Glibc.close(descriptor) }
  }

  /// Appends all of `bytes`.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(UserError) {
    guard !isVerifying else { return try compare(bytes) }
    var done = 0
    while done < bytes.count {
      let count =
        FileFaults.fails(.write)
        ? -1 : Glibc.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
      if count < 0 && errno == EINTR { continue }
      // A regular file accepts at least a byte or says why not; 0 would loop forever.
      guard count > 0 else { throw OutputFile.failure(name, "cannot be written", count < 0 ? errno : ENOSPC) }
      done += count
    }
  }

  /// Appends all of `bytes`.
  package func write(_ bytes: [UInt8]) throws(UserError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(UserError) in try write(UnsafeRawBufferPointer(buffer)) }
  }

  /// Returns when the device has the bytes.
  package func synchronize() throws(UserError) {
    if FileFaults.fails(.synchronize) || fsync(descriptor) != 0 {
      throw OutputFile.failure(name, "cannot be synced to the device", errno)
    }
  }

  /// From now on `write` reads as many bytes, from the file's start on, and throws where they differ.
  ///
  /// The file was opened for reading too. Pages are dropped from memory first if the system allows it, so that the device
  /// is read.
  func startVerifying() throws(UserError) {
    _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw OutputFile.failure(name, "cannot be read back", errno) }
    isVerifying = true
  }

  /// Throws unless everything in the file has been compared.
  func finishVerifying() throws(UserError) {
    let (position, length): (Int, Int) = (Int(lseek(descriptor, 0, SEEK_CUR)), try length())
    guard position == length else {
      throw UserError(.cannotWrite, name, "was written with \(position) bytes, but reads back as \(length)")
    }
  }

  private func compare(_ bytes: UnsafeRawBufferPointer) throws(UserError) {
    let pieceBytes = min(bytes.count, 1 << 16)
    let piece: UnsafeMutableRawPointer = .allocate(byteCount: max(1, pieceBytes), alignment: 16)
    defer { piece.deallocate() }
    var done = 0
    while done < bytes.count {
      let wanted = min(pieceBytes, bytes.count - done)
      let count = FileFaults.fails(.readBack) ? -1 : Glibc.read(descriptor, piece, wanted)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw OutputFile.failure(name, "cannot be read back", errno) }
      guard count > 0, let start = bytes.baseAddress, memcmp(piece, start + done, count) == 0
      else { throw UserError(.cannotWrite, name, "reads back as different bytes than were written") }
      done += count
    }
  }

  /// Whether `place` names exactly this file.
  func lies(at place: FilePlace) throws(UserError) -> Bool {
    var (own, named): (stat, stat) = (stat(), stat())
    guard fstat(descriptor, &own) == 0 else { throw OutputFile.failure(name, "cannot be examined", errno) }
    return fstatat(place.descriptor, place.name, &named, 0) == 0 && named.st_dev == own.st_dev
      && named.st_ino == own.st_ino
  }

  /// Bytes in the file.
  func length() throws(UserError) -> Int {
    var status: stat = stat()
    guard fstat(descriptor, &status) == 0 else { throw OutputFile.failure(name, "cannot be examined", errno) }
    return Int(status.st_size)
  }

  /// Cuts the file to `length` bytes; true if that worked.
  func truncate(to length: Int) -> Bool { ftruncate(descriptor, length) == 0 }

  /// Closes the file; some systems report failed writes only here.
  func close() throws(UserError) {
    let open = descriptor
    descriptor = -1
    if FileFaults.fails(.close) {
      let number = errno
      _ = Glibc.close(open)
      throw OutputFile.failure(name, "cannot be closed", number)
    }
    if Glibc.close(open) != 0 && errno != EINTR { throw OutputFile.failure(name, "cannot be closed", errno) }
  }

  static func failure(_ name: String, _ what: String, _ number: Int32) -> UserError {
    UserError(.cannotWrite, name, "\(what): \(systemErrorText(number))")
  }
}
