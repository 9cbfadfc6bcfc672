import Glibc

/// A process, distinguished from all others that ever had or will have its number.
package struct ProcessIdentity: Hashable, Sendable {
  package var host: String
  /// Identifies the machine's boot, empty if the system does not say.
  package var boot: String
  package var process: Int
  /// When the process started, in clock ticks since the machine did; `nil` if the system does not say.
  package var start: Int?

  package init(host: String, boot: String, process: Int, start: Int?) {
    self.host = host
    self.boot = boot
    self.process = process
    self.start = start
  }

  /// This process.
  package static func current() -> ProcessIdentity {
    let files = SystemFiles(root: "/")
    let process = Int(getpid())
    let boot = files.text("/proc/sys/kernel/random/boot_id").map { String($0.trimmed) } ?? ""
    return ProcessIdentity(host: hostName(), boot: boot, process: process, start: startTime(process, files))
  }

  /// Whether the process is known to have ended; `false` for one of another host, about which nothing is known here.
  package var hasEnded: Bool {
    let own: ProcessIdentity = .current()
    guard host == own.host else { return false }
    if boot != own.boot, !boot.isEmpty, !own.boot.isEmpty { return true }
    if kill(pid_t(truncatingIfNeeded: process), 0) != 0, errno == ESRCH { return true }
    guard let start, let now = Self.startTime(process, SystemFiles(root: "/")) else { return false }
    return now != start
  }

  /// This host's name, at most 255 bytes; empty if the system does not say.
  package static func hostName() -> String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Field 22 of `proc_pid_stat(5)`, counted after the name in brackets, which may hold anything.
  private static func startTime(_ process: Int, _ files: SystemFiles) -> Int? {
    guard let text = files.text("/proc/\(process)/stat"), let bracket = text.lastIndex(of: ")") else {
      return nil
    }
    let fields = text[text.index(after: bracket)...].split(separator: " ")
    return fields.count > 19 ? Int(fields[19]) : nil
  }
}
