import Diagnostics
import Machine
import Storage
import Training

/// A run's phases in Chrome's trace event format, which chrome://tracing and Perfetto open: a process for each worker, with a
/// row for each phase.
///
/// Processes count from 1 and no two rows have one number, as Perfetto takes a thread 0 for its process's first thread.
/// Source: "Trace Event Format", the JSON object form; times are microseconds since the first event.
package enum TraceFile {
  /// Events that are turned into text at a time.
  private static let piece = 4096

  private static func process(_ worker: Int) -> Int { worker + 1 }
  private static func row(_ worker: Int, _ phase: StepPhase) -> Int { 1000 * process(worker) + Int(phase.rawValue) }

  /// - Throws: `UserError(.cannotWrite)`.
  package static func write(_ trace: StepTrace, _ placement: Placement, to place: FilePlace) throws(UserError) {
    let events = (0..<trace.workers).map { trace.events(worker: $0) }
    let first = events.compactMap { $0.first?.start }.min() ?? 0
    try AtomicFile.write(to: place) { (file) throws(UserError) in
      var lines: [String] = []
      for worker in 0..<trace.workers {
        let cpu = placement.workers[worker].cpu.map { " on CPU \($0)" } ?? ""
        lines.append(name("process_name", "worker \(worker)\(cpu)", worker: worker, row: nil))
        for phase in Set(events[worker].map(\.phase)).sorted(by: { $0.rawValue < $1.rawValue }) {
          lines.append(name("thread_name", phase.words, worker: worker, row: row(worker, phase)))
        }
      }
      try file.write(Array("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n\(lines.joined(separator: ",\n"))".utf8))
      for worker in 0..<trace.workers {
        var rest = events[worker][...]
        while !rest.isEmpty {
          let text = rest.prefix(piece).map { ",\n" + line($0, worker: worker, first: first) }.joined()
          try file.write(Array(text.utf8))
          rest = rest.dropFirst(piece)
        }
      }
      try file.write(Array("\n]}\n".utf8))
    }
  }

  private static func name(_ kind: String, _ text: String, worker: Int, row: Int?) -> String {
    var members: [JSONValue.Member] = [
      .init("name", .string(kind)), .init("ph", .string("M")), .init("pid", .integer(process(worker))),
    ]
    if let row { members.append(.init("tid", .integer(row))) }
    return JSONValue.object(members + [.init("args", .object([.init("name", .string(text))]))]).compactText
  }

  private static func line(_ event: StepTrace.Event, worker: Int, first: UInt64) -> String {
    func microseconds(_ nanoseconds: UInt64) -> String { NumberText.fixed(Double(nanoseconds) * 1e-3, 3) }
    return "{\"name\":\"\(event.phase.name)\",\"cat\":\"step\",\"ph\":\"X\",\"pid\":\(process(worker)),"
      + "\"tid\":\(row(worker, event.phase)),\"ts\":\(microseconds(clockSpan(first, event.start))),"
      + "\"dur\":\(microseconds(clockSpan(event.start, event.end))),\"args\":{\"step\":\(event.step + 1)}}"
  }
}
