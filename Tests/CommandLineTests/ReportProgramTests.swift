import Foundation
import Testing

/// `report.html`, which a run writes at its end and `lockstep report` makes again.
@Suite struct ReportProgramTests {
  private func trained(_ folder: TemporaryFolder, _ more: [String] = []) throws -> ProcessResult {
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    return try Executable.run(["train", file, "--quiet", "--output", "run"] + more, folder: folder.path)
  }

  /// The object that a page draws.
  private func data(_ html: String) throws -> [String: Any] {
    let start = try #require(html.range(of: #"id="data">"#))
    let end = try #require(html.range(of: "</script>", range: start.upperBound..<html.endIndex))
    let text = html[start.upperBound..<end.lowerBound]
    return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("a run ends with its report, and the same page is made from its files")
  func aRunEndsWithItsReport() throws {
    let folder = try TemporaryFolder()
    let run = try trained(folder)
    #expect(run.exitCode == 0, "\(run.errors)")
    let page = try folder.text("run/report.html")
    let runs = try #require(try data(page)["runs"] as? [[String: Any]])
    #expect(runs.count == 1 && runs[0]["state"] as? String == "finished")
    let findings = try #require(runs[0]["findings"] as? [String: Any])
    let evaluation = try #require(findings["evaluation"] as? [String: Any])
    let summary = try #require(runs[0]["summary"] as? [String: Any])
    // The evaluation is of the same weights, so it is the one that the run ended with.
    #expect(evaluation["accuracy"] as? Double == summary["val_accuracy"] as? Double)
    #expect(findings["weights_digest"] as? String == summary["weights_digest"] as? String)

    let again = try Executable.run(["report", "run", "--json"], folder: folder.path)
    #expect(again.exitCode == 0 && again.output == #"{"file":"run/report.html","runs":1}"# + "\n", "\(again.errors)")
    // Only the folder's path is written otherwise.
    let second = try data(folder.text("run/report.html"))
    #expect((second["runs"] as? [[String: Any]])?[0]["findings"] as? NSDictionary == findings as NSDictionary)

    let both = try Executable.run(["report", "run", "run", "--output", "both.html"], folder: folder.path)
    #expect(both.exitCode == 0, "\(both.errors)")
    #expect((try data(folder.text("both.html"))["runs"] as? [Any])?.count == 2)
  }

  @Test("logging.report turns it off")
  func theKeyTurnsItOff() throws {
    let folder = try TemporaryFolder()
    let run = try trained(folder, ["--set", "logging.report=false"])
    #expect(run.exitCode == 0, "\(run.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/run")
    #expect(names.contains("summary.json") && !names.contains { $0.hasPrefix("report") })
  }

  @Test("a file of the user's stays, and the run has its result", arguments: ["report.html", "report.json"])
  func aFileOfTheUsersStays(name: String) throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.path + "/run", withIntermediateDirectories: true)
    _ = try folder.write("mine", to: "run/\(name)")
    let run = try trained(folder)
    #expect(run.exitCode == 0)
    #expect(run.errors.contains("warning: the run is written, but has no report: run/\(name): is not"), "\(run.errors)")
    #expect(try folder.text("run/\(name)") == "mine")
    #expect(try folder.text("run/summary.json").contains("weights_digest"))
  }

  @Test("what an earlier run found is not shown with other weights")
  func whatAnEarlierRunFoundIsNotShown() throws {
    let folder = try TemporaryFolder()
    #expect(try trained(folder).exitCode == 0)
    let summary = try folder.text("run/summary.json")
    let digest = try #require(summary.range(of: #"sha256:[0-9a-f]{64}"#, options: .regularExpression))
    _ = try folder.write(
      summary.replacingCharacters(in: digest, with: "sha256:" + String(repeating: "0", count: 64)),
      to: "run/summary.json")
    #expect(try Executable.run(["report", "run"], folder: folder.path).exitCode == 0)
    let runs = try #require(try data(folder.text("run/report.html"))["runs"] as? [[String: Any]])
    #expect(runs[0]["findings"] == nil && runs[0]["curves"] != nil)
  }

  @Test("folders that are no runs and files that are damaged are named")
  func otherFoldersAreNamed() throws {
    let folder = try TemporaryFolder()
    let missing = try Executable.run(["report", "nowhere"], folder: folder.path)
    #expect(missing.exitCode == 66 && missing.errors.contains("nowhere"), "\(missing.errors)")
    let empty = try Executable.run(["report", "."], folder: folder.path)
    #expect(empty.exitCode == 66 && empty.errors.contains("has no config.json"), "\(empty.errors)")
    let none = try Executable.run(["report"], folder: folder.path)
    #expect(none.exitCode == 64 && none.errors.contains("DIR"), "\(none.errors)")

    #expect(try trained(folder).exitCode == 0)
    for name in ["config.json", "summary.json", "metrics.jsonl", "report.json"] {
      let text = try folder.text("run/\(name)")
      _ = try folder.write("[" + text, to: "run/\(name)")
      let damaged = try Executable.run(["report", "run"], folder: folder.path)
      #expect(damaged.exitCode == 65 && damaged.errors.contains("run/\(name)"), "\(name): \(damaged.errors)")
      _ = try folder.write(text, to: "run/\(name)")
    }
    #expect(try Executable.run(["report", "run"], folder: folder.path).exitCode == 0)
  }
}
