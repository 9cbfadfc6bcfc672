import Foundation
import Testing

/// Finished runs are kept, and the next command writes beside them.
@Suite struct FinishedRunTests {
  private let folder: TemporaryFolder
  private let file: String

  init() throws {
    folder = try TemporaryFolder()
    file = try folder.write(ProgramTests.tiny, to: "tiny.json")
  }

  private func train(_ arguments: String...) throws -> ProcessResult {
    try Executable.run(["train", file] + arguments, folder: folder.path)
  }

  private func digest(_ name: String) throws -> Substring? {
    let text = try folder.text("\(name)/summary.json")
    return text.firstRange(of: "sha256:").map { text[$0.lowerBound...].prefix(71) }
  }

  @Test("the next run is written beside a finished one")
  func theNextRunGoesBesideIt() throws {
    #expect(try train("--quiet").exitCode == 0)
    let first = try folder.text("runs/tiny/metrics.jsonl")
    let second = try train("--quiet", "--lr", "0.5")
    #expect(
      second.errors == "lockstep: warning: runs/tiny holds a finished run of 2 epochs; this one goes to runs/tiny-2\n")
    let third = try train("--epochs", "3")
    #expect(
      third.errors.hasPrefix(
        "lockstep: warning: runs/tiny holds a finished run of 2 epochs (--resume runs/tiny/checkpoint-00000006.safetensors "
          + "continues it); this one goes to runs/tiny-3\n"), "\(third.errors)")
    #expect(try folder.text("runs/tiny/metrics.jsonl") == first)
    #expect(try digest("runs/tiny-2") != digest("runs/tiny"))
    #expect(try train("--quiet", "--overwrite", "--epochs", "1").errors == "")
    #expect(try folder.text("runs/tiny/metrics.jsonl") != first)
  }

  @Test("a finished run in --output is refused with both ways out")
  func anExplicitFolderIsRefusedWithBothWaysOut() throws {
    #expect(try train("--quiet", "--output", "d").exitCode == 0)
    let before = try folder.text("d/summary.json")
    for arguments: [String] in [[], ["--resume", "never"], ["--weights", "d/weights.safetensors"]] {
      let refused = try Executable.run(
        ["train", file, "--output", "d"] + arguments, folder: folder.path)
      #expect(refused.exitCode == 64)
      #expect(
        refused.errors == """
          lockstep: --output: d holds a finished run of 2 epochs
            hint: --output DIR chooses another folder; --overwrite replaces the run\n
          """)
    }
    let longer = try train("--output", "d", "--epochs", "4")
    #expect(
      longer.errors.contains("; --resume d/checkpoint-00000006.safetensors continues it\n"), "\(longer.errors)")
    #expect(try folder.text("d/summary.json") == before)
    #expect(try train("--output", "d", "--quiet", "--overwrite", "--seed", "2").exitCode == 0)
    #expect(try folder.text("d/summary.json") != before)
  }

  @Test("a finished run continues if the user says so")
  func aFinishedRunGoesOnWhereTheUserSaysSo() throws {
    let whole = try train("--quiet", "--output", "whole", "--epochs", "4")
    #expect(whole.exitCode == 0)
    #expect(try train("--quiet").exitCode == 0)
    for (epochs, resume): (String, String) in [("3", "last"), ("4", "runs/tiny")] {
      let rest = try train("--epochs", epochs, "--resume", resume)
      #expect(rest.exitCode == 0 && rest.errors.contains("continuing runs/tiny/checkpoint-"), "\(rest.errors)")
    }
    #expect(try digest("runs/tiny") == digest("whole"))
    let older = try train("--epochs", "4", "--resume", "runs/tiny/checkpoint-00000009.safetensors")
    #expect(older.exitCode == 0 && older.errors.contains("this one goes to runs/tiny-2\n"), "\(older.errors)")
    #expect(try digest("runs/tiny-2") == digest("whole"))
    #expect(try train("--resume", "last", "--output", "none").exitCode == 66)
  }

  @Test("the newest and the best checkpoint are named")
  func theNewestAndTheBestCheckpointAreNamed() throws {
    let result = try train("--quiet", "--set", "checkpoint.keep_best=1")
    #expect(result.exitCode == 0)
    let summary = try folder.text("runs/tiny/summary.json")
    #expect(summary.contains("\"newest_checkpoint\":\"checkpoint-00000006.safetensors\""), "\(summary)")
    #expect(summary.contains("\"best_checkpoint\":\"checkpoint-0000000"), "\(summary)")
    #expect(result.output.contains("newest        checkpoint-00000006.safetensors\n"), "\(result.output)")
  }

  /// Killed and called again, a run that began from given weights continues; from other weights it is another run.
  @Test("a run from weights is continued")
  func aRunFromWeightsIsContinued() throws {
    #expect(try train("--quiet", "--output", "w").exitCode == 0)
    #expect(try train("--quiet", "--output", "v", "--seed", "5").exitCode == 0)
    let weights = ["--weights", "w/weights.safetensors"]
    let run = try RunningProcess(["train", file] + ResumeProgramTests.endless + weights, in: folder)
    run.wait {
      ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/runs/tiny")) ?? []).contains {
        $0.hasPrefix("checkpoint-")
      }
    }
    kill(run.id, SIGKILL)
    run.process.waitUntilExit()
    let other = try train("--epochs", "1000000", "--weights", "v/weights.safetensors")
    #expect(other.exitCode == 64)
    #expect(
      other.errors.contains("the unfinished run in runs/tiny did not start from these weights"), "\(other.errors)")
    let again = try RunningProcess(
      ["train", file, "--epochs", "1000000"] + weights, in: folder)
    again.wait { (try? again.errors())?.contains("epoch") == true }
    kill(again.id, SIGTERM)
    #expect(again.end() && again.process.terminationStatus == 75)
    let errors = try again.errors()
    #expect(errors.contains("continuing runs/tiny/checkpoint-"), "\(errors)")
    let never = try train("--quiet", "--resume", "never", "--weights", "v/weights.safetensors")
    #expect(never.exitCode == 0, "\(never.errors)")
  }

  /// The next run's configuration is not written beside the last one's weights.
  @Test("a new run has no old weights")
  func aNewRunHasNoOldWeights() throws {
    #expect(try train("--quiet").exitCode == 0)
    let run = try RunningProcess(
      ["train", file, "--overwrite"] + ResumeProgramTests.endless, in: folder)
    run.wait {
      (try? folder.text("runs/tiny/config.json"))?.contains("1000000") == true
        && !folder.exists("runs/tiny/summary.json")
    }
    // The old summary goes last.
    #expect(!folder.exists("runs/tiny/weights.safetensors") && !folder.exists("runs/tiny/summary.json"))
    kill(run.id, SIGKILL)
    run.process.waitUntilExit()
  }

  /// A run that the system does not show is not taken for missing.
  @Test("a run that cannot be seen is not replaced", arguments: ["faccessat,faccessat2", "getdents64"], [false, true])
  func aRunThatCannotBeSeenIsNotReplaced(calls: String, isFinished: Bool) throws {
    #expect(try train("--quiet", "--output", "d").exitCode == 0)
    if !isFinished {
      for name in ["weights.safetensors", "summary.json"] {
        try FileManager.default.removeItem(atPath: "\(folder.path)/d/\(name)")
      }
    }
    func content() throws -> [String: Data] {
      let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/d")
      return Dictionary(
        uniqueKeysWithValues: names.map {
          ($0, FileManager.default.contents(atPath: "\(folder.path)/d/\($0)") ?? Data())
        })
    }
    let before = try content()
    let refused = try Executable.run(
      ["EIO", calls, Executable.path, "train", file, "--quiet", "--output", "d"], folder: folder.path,
      executable: Executable.refusedCalls)
    #expect(refused.exitCode == 66 && refused.errors.hasSuffix("Input/output error\n"), "\(refused.errors)")
    #expect(try content() == before)
  }

  @Test("a benchmark writes beside a run")
  func aBenchmarkWritesBesideARun() throws {
    #expect(try train("--quiet").exitCode == 0)
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/runs/tiny").sorted()
    let bench = try Executable.run(
      ["bench", "scaling", file, "--worker-counts", "1", "--quiet"], folder: folder.path)
    #expect(bench.exitCode == 0, "\(bench.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/runs/tiny").sorted() == names)
    #expect(folder.exists("runs/tiny-scaling/scaling.json"))
  }
}
