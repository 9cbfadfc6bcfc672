import Diagnostics
import Storage

/// A run's ledger while the run writes it: `ledger.jsonl`, a line per step, each with a link of a chain of digests.
///
/// Lines are gathered and written together; `flush` says when. What a kill loses is written again by the run that goes on.
/// For one thread at a time.
package final class Ledger {
  package static let fileName = "ledger.jsonl"
  /// Bytes that are gathered before they are written.
  private static let gathered = 1 << 16

  /// The first line; its weights are known.
  let start: LedgerStart
  private let file: LineFile
  private var lines: [UInt8] = []
  /// The last step's link.
  package private(set) var head: SHA256Digest
  package private(set) var steps: Int

  /// A new one that begins with `start`, whose weights are known.
  init(_ place: FilePlace, _ start: LedgerStart) throws(UserError) {
    self.start = start
    file = try LineFile(place, start: .empty)
    (head, steps) = (start.chain, 0)
    lines.reserveCapacity(Self.gathered + 1024)
    try file.append(lines: start.line + [10])
  }

  /// The one at `place` up to `step`, to be continued from there.
  ///
  /// - Throws: `UserError(.badData)` if its lines do not lead to that step, or are of another run than `start`.
  init(_ place: FilePlace, continuing start: LedgerStart, after step: Int) throws(UserError) {
    let record = try LedgerRecord.read(ByteInput(place), upTo: step)
    guard record.entries.count == step else {
      throw UserError(
        .badData, place.path, "ends after step \(record.entries.count), but the run goes on after step \(step)")
    }
    try record.start.requireSame(as: start, file: place.path)
    self.start = record.start
    file = try LineFile(place, start: .keepingFirst(step + 1))
    (head, steps) = (record.head, step)
    lines.reserveCapacity(Self.gathered + 1024)
  }

  /// Takes the entry of the step after the last one.
  package func append(_ entry: LedgerEntry) throws(UserError) {
    precondition(entry.step == steps + 1, "Step \(entry.step) does not follow step \(steps) in a ledger.")
    head = entry.chain(after: head)
    steps = entry.step
    entry.append(to: &lines, chain: head)
    if lines.count >= Self.gathered { try write() }
  }

  /// Writes what was gathered, so that readers see it.
  func write() throws(UserError) {
    guard !lines.isEmpty else { return }
    try file.append(lines: lines)
    lines.removeAll(keepingCapacity: true)
  }

  /// Returns when the device has every line.
  func flush() throws(UserError) {
    try write()
    try file.flush()
  }

  func requireInPlace() throws(UserError) { try file.requireInPlace() }
}

extension LedgerStart {
  /// Refuses to mix two runs in one ledger.
  func requireSame(as other: LedgerStart, file: String) throws(UserError) {
    let facts: [(String, Bool)] = [
      ("configuration", configuration == other.configuration), ("data", data == other.data),
      ("numerics_version", numericsVersion == other.numericsVersion), ("every_steps", everySteps == other.everySteps),
    ]
    guard let first = facts.first(where: { !$0.1 })?.0 else { return }
    throw UserError(.badData, file, "line 1: has another \(first) than the run that is to continue it")
  }
}
