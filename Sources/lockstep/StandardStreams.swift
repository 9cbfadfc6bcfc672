import Diagnostics
import Glibc

/// Standard output for results and standard error for everything else, unbuffered.
enum StandardStreams {
  /// - Throws: `UserError(.cannotWrite)` if standard output does not take the text.
  static func result(_ text: String) throws(UserError) {
    guard write(text, to: STDOUT_FILENO) else {
      throw UserError(.cannotWrite, "standard output", String(cString: strerror(errno)))
    }
  }

  /// Progress and messages; what cannot be shown is lost.
  static func log(_ text: String) { _ = write(text, to: STDERR_FILENO) }

  /// Opens the streams that were closed when the program started on `/dev/null`.
  ///
  /// Otherwise the first files of a run would get their numbers, and messages would be written into them. Call it before
  /// any file is opened.
  static func openMissing() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", O_RDWR)
    }
  }

  /// Takes live lines off a terminal if that needs no waiting: the process is about to end.
  static func clearLines() {
    var state: pollfd = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
    if isTerminal, poll(&state, 1, 0) == 1, Int32(state.revents) & POLLOUT != 0 { log("\r\u{1B}[J") }
  }

  /// Whether a bar can be redrawn in place.
  static var isTerminal: Bool {
    guard isatty(STDERR_FILENO) == 1 else { return false }
    return environmentValue("TERM").map { $0 != "dumb" && !$0.isEmpty } ?? false
  }

  /// The terminal's width, 80 if it does not say; no limit without a terminal.
  static func columns() -> Int { size(\.ws_col, otherwise: 80) }

  /// The terminal's height, 24 if it does not say; no limit without a terminal.
  static func rows() -> Int { size(\.ws_row, otherwise: 24) }

  private static func size(_ side: KeyPath<winsize, UInt16>, otherwise: Int) -> Int {
    guard isatty(STDERR_FILENO) == 1 else { return .max }
    var size: winsize = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size[keyPath: side] > 0 else { return otherwise }
    return Int(size[keyPath: side])
  }

  /// Whether colours are welcome: NO_COLOR is not set, or empty (https://no-color.org).
  static var hasColours: Bool { (environmentValue("NO_COLOR") ?? "").isEmpty }

  /// Whether the locale's characters are UTF-8, as where none is set.
  static var isUTF8: Bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environmentValue($0) }
    guard let name = names.first(where: { !$0.isEmpty })?.lowercased() else { return true }
    return name.contains("utf-8") || name.contains("utf8")
  }

  static func environmentValue(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// All variables whose names start with `prefix`.
  static func environment(prefix: String) -> [String: String] {
    var variables: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let parts = String(cString: text).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2, parts[0].hasPrefix(prefix) { variables[String(parts[0])] = String(parts[1]) }
      entry += 1
    }
    return variables
  }

  /// Seconds on a clock that never goes back.
  static func seconds() -> Double {
    var time: timespec = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private static func write(_ text: String, to descriptor: Int32) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
