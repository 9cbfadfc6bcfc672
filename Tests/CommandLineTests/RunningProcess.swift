import Foundation

/// The program while it runs.
struct RunningProcess {
  let process: Process
  private let folder: TemporaryFolder

  /// Starts the program in `folder` with no signal blocked; the call that is refused is not one it makes.
  init(_ arguments: [String], in folder: TemporaryFolder) throws {
    self.folder = folder
    process = Executable.process(["EPERM", "migrate_pages", Executable.path] + arguments, folder: folder.path)
    process.executableURL = URL(fileURLWithPath: Executable.refusedCalls)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: try folder.write("", to: "errors"))
    try process.run()
  }

  var id: pid_t { process.processIdentifier }
  /// What it has written to standard error.
  func errors() throws -> String { try folder.text("errors") }

  /// Sleeps until the condition holds, the process ends or a minute is over; returns whether the condition held.
  @discardableResult
  func wait(until isTrue: () -> Bool) -> Bool {
    let deadline = Date(timeIntervalSinceNow: 60)
    while Date() < deadline, process.isRunning {
      if isTrue() { return true }
      Thread.sleep(forTimeInterval: 0.001)
    }
    return isTrue()
  }

  /// Waits a minute for the process to end, and then ends it; returns whether it ended by itself.
  func end() -> Bool {
    wait { false }
    let hasEnded = !process.isRunning
    if !hasEnded { kill(id, SIGKILL) }
    process.waitUntilExit()
    return hasEnded
  }

  /// A line of the process's status, such as the mask of blocked signals.
  func status(_ key: String) -> Substring? {
    // Files under /proc report no size, which Foundation asks for.
    let file: Int32 = open("/proc/\(id)/status", O_RDONLY)
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 8192)
    let count = read(file, &bytes, 8192)
    let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    return text.split(separator: "\n").first { $0.hasPrefix("\(key):") }?.split(separator: "\t").last
  }

  /// Whether the process has begun to wait for the signals of a run; before, it blocks none or what this thread blocks.
  var waitsForSignals: Bool {
    let wanted: UInt64 = [SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP].reduce(0) { $0 | 1 << UInt64($1 - 1) }
    return status("SigBlk").flatMap { UInt64($0, radix: 16) } == wanted
  }
}
