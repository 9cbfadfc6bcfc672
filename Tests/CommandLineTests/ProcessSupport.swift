import Foundation
import TestSupport
import Testing

/// What a finished `lockstep` process left.
struct ProcessResult {
  var exitCode: Int32
  var output: String
  var errors: String
}

/// For all files of these tests.
typealias TemporaryFolder = TestSupport.TemporaryFolder

/// The built executable, which lies next to the test bundle.
enum Executable {
  static let path: String = {
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? CommandLine.arguments[0]
    var folder = URL(fileURLWithPath: bundle).deletingLastPathComponent()
    while folder.path != "/", !FileManager.default.isExecutableFile(atPath: folder.path + "/lockstep") {
      folder.deleteLastPathComponent()
    }
    return folder.path + "/lockstep"
  }()

  /// The program that runs another while the kernel refuses calls; see Tests/RefusedCalls.
  static let refusedCalls = URL(fileURLWithPath: path).deletingLastPathComponent().path + "/RefusedCalls"

  /// A process that is not started yet, with no `LOCKSTEP_` variable but those given.
  static func process(
    _ arguments: [String], environment: [String: String] = [:], folder: String? = nil
  ) -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("LOCKSTEP_") }
      .merging(environment) { $1 }
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    return process
  }

  /// - Parameters:
  ///   - limit: a command of the shell that the program is started from, such as `ulimit -f 64`.
  ///   - executable: what is started in the program's place, to start it in turn.
  static func run(
    _ arguments: [String], environment: [String: String] = [:], folder: String? = nil, limit: String? = nil,
    executable: String = path
  ) throws -> ProcessResult {
    let files = try TemporaryFolder()
    let process = process(arguments, environment: environment, folder: folder)
    process.executableURL = URL(fileURLWithPath: executable)
    if let limit {
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = ["-c", "\(limit); exec \"$@\"", "bash", path] + arguments
    }
    // Files, not pipes, which must be read while the process writes.
    for name in ["out", "err"] { _ = try files.write("", to: name) }
    process.standardOutput = FileHandle(forWritingAtPath: files.path + "/out")
    process.standardError = FileHandle(forWritingAtPath: files.path + "/err")
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return ProcessResult(
      exitCode: process.terminationStatus, output: try files.text("out"), errors: try files.text("err"))
  }
}
