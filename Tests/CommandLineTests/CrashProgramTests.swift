import Foundation
import Testing

/// A run that crashes ends, with its report, and gives its folder back.
@Suite struct CrashProgramTests {
  @Test(arguments: [SIGSEGV, SIGABRT, SIGFPE])
  func aCrashEndsTheRun(signal: Int32) throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let file: String = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let process: Process = Executable.process(["train", file] + ResumeProgramTests.endless, folder: folder.path)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: try folder.write("", to: "errors"))
    try process.run()
    let start: Date = Date()
    while Date().timeIntervalSince(start) < 60, process.isRunning, !folder.exists("runs/tiny/metrics.jsonl") {
      Thread.sleep(forTimeInterval: 0.001)
    }
    kill(process.processIdentifier, signal)
    let crash: Date = Date()
    while process.isRunning, Date().timeIntervalSince(crash) < 60 { Thread.sleep(forTimeInterval: 0.01) }
    let hasEnded: Bool = !process.isRunning
    if !hasEnded { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    #expect(hasEnded && process.terminationReason == .uncaughtSignal && process.terminationStatus == signal)
    #expect(try folder.text("errors").contains("Program crashed"))
    let rest: ProcessResult = try Executable.run(
      ["train", file, "--resume", "never"], folder: folder.path)
    #expect(rest.exitCode == 0, "the lock is free: \(rest.errors)")
  }
}
