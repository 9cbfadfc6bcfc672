import Foundation
import Testing

/// A run that crashes ends, with its report, and gives its folder back.
@Suite struct CrashProgramTests {
  @Test("a crash ends the run", arguments: [SIGSEGV, SIGABRT, SIGFPE])
  func aCrashEndsTheRun(signal: Int32) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let run = try RunningProcess(["train", file] + ResumeProgramTests.endless, in: folder)
    run.wait { folder.exists("runs/tiny/metrics.jsonl") }
    kill(run.id, signal)
    #expect(run.end(), "it still runs")
    #expect(run.process.terminationReason == .uncaughtSignal && run.process.terminationStatus == signal)
    #expect(try run.errors().contains("Program crashed"))
    let rest = try Executable.run(
      ["train", file, "--resume", "never"], folder: folder.path)
    #expect(rest.exitCode == 0, "the lock is free: \(rest.errors)")
  }
}
