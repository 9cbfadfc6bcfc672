import Diagnostics
import Glibc
import Storage

/// The configuration file on disk.
enum ConfigurationFile {
  /// The whole text.
  /// - Throws: `UserError`: `.inputMissing` if the file cannot be opened or read, `.badConfiguration` if it is larger than
  ///   `JSONReader.largestBytes` or not UTF-8.
  static func text(at path: String) throws(UserError) -> String {
    let descriptor: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unreadable(path) }
    defer { close(descriptor) }
    var status: stat = stat()
    if fstat(descriptor, &status) == 0, status.st_size > JSONReader.largestBytes {
      throw JSONReader.tooLarge(Int(status.st_size), path)
    }
    var bytes: [UInt8] = []
    var chunk: [UInt8] = Array(repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw unreadable(path) }
      if count == 0 { break }
      bytes += chunk[..<count]
      // The size of a pipe is not known in advance.
      guard bytes.count <= JSONReader.largestBytes else { throw JSONReader.tooLarge(bytes.count, path) }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw UserError(
        .badConfiguration, path,
        "found a byte that is not UTF-8 at offset \(firstInvalid(bytes)); allowed: JSON5 text in UTF-8")
    }
    return text
  }

  /// The offset of the first byte at which the repaired text differs.
  private static func firstInvalid(_ bytes: [UInt8]) -> Int {
    let repaired = String(decoding: bytes, as: UTF8.self)
    return zip(bytes, repaired.utf8).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? bytes.count
  }

  private static func unreadable(_ path: String) -> UserError {
    UserError(.inputMissing, path, "the configuration cannot be read: \(String(cString: strerror(errno)))")
  }

  /// The absolute path of the folder that holds `path`.
  static func folder(of path: String) -> String {
    let folder = PathText.folder(of: path)
    if PathText.isAbsolute(path) { return folder }
    guard let current = getcwd(nil, 0) else { return folder }
    defer { free(current) }
    let start = String(cString: current)
    return folder == "." ? start : PathText.resolve(folder, in: start)
  }

  /// The file's name without folder and last extension; `run` if nothing remains.
  static func stem(of path: String) -> String {
    let name: Substring = PathText.names(in: path).last.map { $0[...] } ?? ""
    let stem: Substring = name.dropFirst().lastIndex(of: ".").map { name[..<$0] } ?? name
    return stem.isEmpty || stem.allSatisfy { $0 == "." } ? "run" : String(stem)
  }
}
