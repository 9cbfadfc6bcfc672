import Foundation
import Testing

/// What a run writes besides its own files, if it is asked to.
@Suite struct TraceProgramTests {
  private struct Event: Decodable {
    struct Arguments: Decodable {
      var name: String?
      var step: Int?
    }
    var name: String
    var ph: String
    var pid: Int
    var tid: Int?
    var ts: Double?
    var dur: Double?
    var args: Arguments
  }
  private struct Trace: Decodable { var traceEvents: [Event] }

  @Test("--trace has a row for each worker and phase")
  func aTraceHasARowForEachWorkerAndPhase() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let run = try Executable.run(
      ["train", file, "--quiet", "--output", "run", "--trace", "trace.json"], folder: folder.path)
    #expect(run.exitCode == 0, "\(run.errors)")
    let trace = try JSONDecoder().decode(Trace.self, from: Data(folder.text("trace.json").utf8))
    let spans = trace.traceEvents.filter { $0.ph == "X" }
    let names = trace.traceEvents.filter { $0.ph == "M" }
    #expect(spans.count + names.count == trace.traceEvents.count)
    #expect(Set(names.filter { $0.name == "process_name" }.map(\.pid)) == [1, 2])
    for worker in 1...2 {
      let own = spans.filter { $0.pid == worker }.sorted { ($0.ts ?? 0, $0.dur ?? 0) < ($1.ts ?? 0, $1.dur ?? 0) }
      // Two epochs of three steps.
      #expect(own.filter { $0.name == "computing" }.compactMap(\.args.step) == Array(1...6))
      #expect(own.contains { $0.name == "evaluating" } && own.contains { $0.name == "waiting" })
      #expect(own.allSatisfy { ($0.ts ?? -1) >= 0 && ($0.dur ?? -1) >= 0 })
      // A worker is at one phase at a time; microseconds are rounded to a nanosecond.
      #expect(zip(own, own.dropFirst()).allSatisfy { ($0.ts ?? 0) + ($0.dur ?? 0) <= ($1.ts ?? 0) + 0.002 })
      let rows = Set(own.map(\.tid))
      #expect(rows == Set(names.filter { $0.pid == worker && $0.name == "thread_name" }.map(\.tid)))
    }
    // Readers of such files take the number 0 for another one.
    let rows = Set(spans.map { [$0.pid, $0.tid ?? 0] })
    #expect(Set(rows.map { $0[1] }).count == rows.count && rows.allSatisfy { $0[0] > 0 && $0[1] > 0 })
    let refused = try Executable.run(
      ["train", file, "--quiet", "--output", "other", "--trace", "no/such/trace.json"], folder: folder.path)
    #expect(refused.exitCode == 74 && refused.errors.contains("no/such/trace.json"), "\(refused.errors)")
    #expect(FileManager.default.fileExists(atPath: folder.path + "/other/summary.json"))
  }

  /// The cells of a line of the table as the line of `metrics.jsonl` has them.
  private func expect(_ row: Substring, is line: Substring, _ titles: [Substring]) throws {
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    let cells = row.split(separator: ",", omittingEmptySubsequences: false)
    #expect(cells.count == titles.count && Set(titles.map(String.init)) == Set(object.keys))
    for (title, cell) in zip(titles, cells) {
      let value = cell.isEmpty ? "null" : title == "kind" ? "\"\(cell)\"" : String(cell)
      #expect(["{", ","].contains { line.contains("\($0)\"\(title)\":\(value)") }, "\(title)")
    }
  }

  @Test("metrics.csv has the lines of metrics.jsonl, of a run that goes on, too")
  func theTableHasTheLines() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let forms = ["--set", "logging.csv=true", "--set", "logging.tensorboard=true"]
    for more in [["--set", "training.max_steps=4"], ["--resume", "run"]] {
      let run = try Executable.run(["train", file, "--quiet", "--output", "run"] + forms + more, folder: folder.path)
      #expect(run.exitCode == 0, "\(run.errors)")
      let rows = try folder.text("run/metrics.csv").split(separator: "\n")
      let lines = try folder.text("run/metrics.jsonl").split(separator: "\n")
      #expect(rows.count == lines.count + 1 && lines.count >= 2)
      for (row, line) in zip(rows.dropFirst(), lines) { try expect(row, is: line, rows[0].split(separator: ",")) }
      // A record for the version, and one for each line.
      let events = [UInt8](
        try Data(contentsOf: URL(fileURLWithPath: folder.path + "/run/events.out.tfevents.lockstep")))
      var (place, records) = (0, 0)
      while place < events.count {
        let length = (0..<8).reversed().reduce(0) { $0 << 8 | Int(events[place + $1]) }
        place += 16 + length
        records += 1
      }
      #expect(place == events.count && records == lines.count + 1)
    }
    let mine = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: mine.path + "/run", withIntermediateDirectories: true)
    _ = try mine.write("a,b\n1,2\n", to: "run/metrics.csv")
    let refused = try Executable.run(["train", file, "--quiet", "--output", "run"] + forms, folder: mine.path)
    #expect(refused.exitCode == 74 && refused.errors.contains("metrics.csv"), "\(refused.errors)")
    #expect(try mine.text("run/metrics.csv") == "a,b\n1,2\n")
  }
}
