import Diagnostics
import Glibc
import Machine
import Storage

/// Where images are kept while a run reads them.
package enum DecodedPlace: Hashable, Sendable {
  case memory
  /// In a file that is mapped into memory: the data's own, or one of this folder.
  case file(folder: String)
  /// In memory if they take at most half of what is available, else as `file`.
  case auto(folder: String)

  /// The folder of the file in which so many bytes are kept; `nil` for memory.
  func folder(bytes: Int, available: AvailableMemory?) -> String? {
    switch self {
    case .memory: nil
    case .file(let folder): folder
    case .auto(let folder): bytes > (available?.bytes ?? .max) / 2 ? folder : nil
    }
  }
}

/// Decoded images, or converted ones, in a file that is mapped into memory: for sets that memory cannot hold, and for the next
/// run, which need not decode them again.
///
/// ```
/// offset 0      "lockstep decoded 1", the key, the number of bytes, on a line; zeros up to 4096
/// offset 4096   images, height×width×channels bytes or floats each
/// ```
/// A file has no name before all of it is on the device, so a run that is killed leaves none behind. Its key says which
/// files were decoded, by path, size and time of change, and how they were made to fit.
struct DecodedFile {
  let path: String
  private let key: String
  private let byteCount: Int

  private static let headerBytes = 4096
  /// To be raised when the same files give other pixels.
  private static let version = 1

  /// - Parameters:
  ///   - files: where the images come from, in their order.
  ///   - form: how they become pixels.
  init(folder: String, files: [String], form: String, byteCount: Int) {
    var hash = SHA256()
    func add(_ text: String) { hash.update(Array(text.utf8) + [0]) }
    add(form)
    for file in files {
      var status = stat()
      let isThere = stat(file, &status) == 0
      add(file)
      add(isThere ? "\(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)" : "missing")
    }
    key = String(hash.text.split(separator: ":").last ?? "")
    self.byteCount = byteCount
    path = PathText.resolve("decoded-\(key.prefix(16)).cache", in: folder)
  }

  private var header: [UInt8] {
    let line = Array("lockstep decoded \(Self.version) \(key) \(byteCount)\n".utf8)
    return line + [UInt8](repeating: 0, count: Self.headerBytes - line.count)
  }

  /// The pixels that an earlier run left; `nil` where there are none, or others.
  func found<Element>(of type: Element.Type = UInt8.self) -> PageBuffer<Element>? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      Int(status.st_size) == Self.headerBytes + byteCount
    else { return nil }
    var start = [UInt8](repeating: 0, count: Self.headerBytes)
    guard pread(descriptor, &start, start.count, 0) == start.count, start == header else { return nil }
    return try? PageBuffer(
      descriptor: descriptor, offset: Self.headerBytes, count: byteCount / MemoryLayout<Element>.stride,
      isWritable: false, for: path)
  }

  /// A file without a name for as many pixels, to be filled; makes its folder.
  ///
  /// Throws `.cannotWrite` where the file system has no room for it.
  func create<Element>(of type: Element.Type = UInt8.self) throws(UserError) -> DecodedPixels<Element> {
    let folder = PathText.folder(of: path)
    try FolderHandle.make(folder, hint: Self.wayOut)
    // Some file systems have no files without names: then the name goes at once, and no run finds the file again.
    var (descriptor, isUnnamed) = (open(folder, unnamedFile | O_RDWR | O_CLOEXEC, 0o666), true)
    if descriptor < 0 {
      let temporary = "\(path).\(getpid())"
      descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      isUnnamed = false
      unlink(temporary)
    }
    guard descriptor >= 0 else { throw failure("cannot be created", errno) }
    let bytes = Self.headerBytes + byteCount
    var status = posix_fallocate(descriptor, 0, off_t(bytes))
    if status == EOPNOTSUPP || status == EINVAL { status = ftruncate(descriptor, off_t(bytes)) == 0 ? 0 : errno }
    guard status == 0 else {
      close(descriptor)
      throw failure("cannot hold \(bytes) bytes of images", status)
    }
    do throws(UserError) {
      let buffer = try PageBuffer<Element>(
        descriptor: descriptor, offset: Self.headerBytes, count: byteCount / MemoryLayout<Element>.stride,
        isWritable: true, for: path)
      return DecodedPixels(buffer: buffer, descriptor: descriptor, isUnnamed: isUnnamed)
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Gives a filled file its name, once all of it is on the device; returns whether the next run will find it.
  ///
  /// Throws `.cannotWrite` where the device fails.
  func keep<Element>(_ pixels: DecodedPixels<Element>) throws(UserError) -> Bool {
    let start = header
    guard pwrite(pixels.descriptor, start, start.count, 0) == start.count, fsync(pixels.descriptor) == 0 else {
      throw failure("cannot be written", errno)
    }
    guard pixels.isUnnamed else { return false }
    // One of other pixels, or a damaged one, makes place.
    unlink(path)
    return linkat(AT_FDCWD, "/proc/self/fd/\(pixels.descriptor)", AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0
  }

  private static let wayOut = "data.cache: \"memory\" keeps images in memory; --output DIR chooses another place"

  private func failure(_ what: String, _ number: Int32) -> UserError {
    UserError(.cannotWrite, path, "\(what): \(String(cString: strerror(number)))", hint: Self.wayOut)
  }
}

/// `O_TMPFILE`, which the importer leaves out as it is made of two flags.
private let unnamedFile: Int32 = 0o20000000 | O_DIRECTORY

/// An open file that is being filled; closed with its last owner, while its pixels stay mapped.
final class DecodedPixels<Element: BitwiseCopyable> {
  let buffer: PageBuffer<Element>
  fileprivate let descriptor: Int32
  fileprivate let isUnnamed: Bool

  fileprivate init(buffer: PageBuffer<Element>, descriptor: Int32, isUnnamed: Bool) {
    self.buffer = buffer
    self.descriptor = descriptor
    self.isUnnamed = isUnnamed
  }

  deinit { close(descriptor) }
}
