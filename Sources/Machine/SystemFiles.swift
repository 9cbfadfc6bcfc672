import Diagnostics
import Glibc

/// The small files in which Linux describes itself: this machine's, a copy of another's tree, or texts in memory.
struct SystemFiles {
  /// Longer than any file that is read here.
  private static let largestFileBytes = 1 << 20

  private let prefix: String
  private let texts: [String: String]?

  /// The files below `root`; `/` is this machine.
  init(root: String) {
    prefix = root.hasSuffix("/") ? String(root.dropLast()) : root
    texts = nil
  }

  /// Texts by absolute path; every other file is missing.
  init(texts: [String: String]) {
    prefix = ""
    self.texts = texts
  }

  var areOfThisMachine: Bool { prefix.isEmpty && texts == nil }

  func path(_ path: String) -> String { prefix + path }

  /// The text of the file at `path`, its first `limit` bytes; `nil` if it is missing or cannot be read.
  func text(_ path: String, limit: Int = SystemFiles.largestFileBytes) -> String? {
    if let texts { return texts[path].map { String($0.prefix(limit)) } }
    // A named pipe in a copied tree would make us wait for a writer.
    let descriptor: Int32 = open(self.path(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status: stat = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while bytes.count < limit {
      let count = Glibc.read(descriptor, &chunk, min(chunk.count, limit - bytes.count))
      if count < 0 && errno == EINTR { continue }
      if count < 0 { return nil }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The number in the file; `nil` if it is missing or holds something else.
  func number(_ path: String) -> Int? {
    text(path).flatMap { Int($0.trimmed) }
  }

  /// The CPU or node list in the file; `nil` if it is missing.
  ///
  /// - Throws: `UserError` (71) if the file holds something else.
  func list(_ path: String) throws(UserError) -> CPUSet? {
    guard let text = text(path) else { return nil }
    return try CPUSet(list: text, category: .systemRefused, subject: self.path(path))
  }

  /// The list in the first of the files that exists.
  ///
  /// - Throws: as `list(_:)`.
  func list(firstOf paths: String...) throws(UserError) -> CPUSet? {
    for path in paths {
      if let found = try list(path) { return found }
    }
    return nil
  }

  /// The bytes in a cache size such as `48K`, `2M` or `512`.
  func size(_ path: String) -> Int? {
    guard let text = text(path)?.trimmed else { return nil }
    let shift = text.hasSuffix("K") ? 10 : text.hasSuffix("M") ? 20 : text.hasSuffix("G") ? 30 : 0
    guard let number = Int(shift == 0 ? text : text.dropLast()) else { return nil }
    let (bytes, overflow): (Int, Bool) = number.multipliedReportingOverflow(by: 1 << shift)
    return overflow ? nil : bytes
  }

  /// The bytes in the line of a `meminfo` file whose key is `key`, as in `MemTotal:  4028244 kB`.
  func memoryBytes(_ path: String, key: String) -> Int? {
    guard let text = text(path) else { return nil }
    for line in text.split(separator: "\n") {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let position = words.firstIndex(of: "\(key):"), position + 1 < words.count else { continue }
      return Int(words[position + 1]).flatMap { $0 < 1 << 50 ? $0 * 1_024 : nil }
    }
    return nil
  }
}
