import Diagnostics
import Storage

/// A ledger as it was read: every line is one that a run could have written, and the chain holds.
package struct LedgerRecord: Hashable, Sendable {
  package let start: LedgerStart
  /// By step, from step 1.
  package private(set) var entries: [LedgerEntry] = []
  /// The links: of the start, then of each step.
  package private(set) var links: [SHA256Digest]

  package var head: SHA256Digest { links[links.count - 1] }

  private init(_ start: LedgerStart) {
    self.start = start
    links = [start.chain]
  }

  /// Reads the ledger at `path`.
  package static func read(_ path: String) throws(UserError) -> LedgerRecord { try read(try ByteInput(path: path)) }

  /// Reads a ledger, or its lines up to step `last`; a last line without its end, left by a kill, is left out.
  ///
  /// - Throws: `UserError`: `.badData` naming the first line that is not as a run writes it, or whose link does not follow.
  package static func read(_ input: ByteInput, upTo last: Int = .max) throws(UserError) -> LedgerRecord {
    let bytes = try input.read(input.remaining)
    var lines = bytes.split(separator: 10, omittingEmptySubsequences: false).dropLast().makeIterator()
    guard let first = lines.next() else {
      throw UserError(.badData, input.name, "holds no whole line; a ledger begins with the line of step 0")
    }
    var scanner = LineScanner(first)
    guard let start = scanner.start(), start.line == Array(first) else {
      throw UserError(
        .badData, input.name,
        "line 1 is not the start of a ledger of format \(LedgerStart.format), or was changed: its chain does not follow "
          + "from what it says")
    }
    var record = LedgerRecord(start)
    var text: [UInt8] = []
    while record.entries.count < last, let line = lines.next() {
      let step = record.entries.count + 1
      var scanner = LineScanner(line)
      guard let entry = scanner.entry(), entry.step == step else {
        throw UserError(.badData, input.name, "line \(step + 1) is not the line of step \(step)")
      }
      let link = entry.chain(after: record.head)
      text.removeAll(keepingCapacity: true)
      entry.append(to: &text, chain: link)
      guard text.dropLast().elementsEqual(line) else {
        throw UserError(
          .badData, input.name,
          "line \(step + 1), of step \(step), was changed, or one before it: its chain does not follow from them")
      }
      record.entries.append(entry)
      record.links.append(link)
    }
    return record
  }
}

/// Takes the parts of a line in their order; whoever calls it compares the whole line with what they would be written as.
private struct LineScanner {
  private var rest: ArraySlice<UInt8>

  init(_ line: ArraySlice<UInt8>) { rest = line }

  mutating func start() -> LedgerStart? {
    guard skip("{\"step\":0,\"format\":\"\(LedgerStart.format)\",\"numerics_version\":"), let version = integer(),
      skip(",\"every_steps\":"), let everySteps = integer(), let configuration = digest("configuration"),
      let data = digest("data")
    else { return nil }
    guard let weights = digest("weights") else { return nil }
    return LedgerStart(
      configuration: configuration, data: data, numericsVersion: version, weights: weights, everySteps: everySteps)
  }

  mutating func entry() -> LedgerEntry? {
    guard skip("{\"step\":"), let step = integer(), let batch = digest("batch"), skip(",\"loss\":\""),
      let loss = number()
    else { return nil }
    _ = skip("\"")
    return LedgerEntry(step: step, batch: batch, loss: loss, weights: digest("weights"))
  }

  private mutating func skip(_ text: String) -> Bool {
    guard rest.starts(with: text.utf8) else { return false }
    rest = rest.dropFirst(text.utf8.count)
    return true
  }

  private mutating func integer() -> Int? {
    let digits = rest.prefix { (48...57).contains($0) }
    rest = rest.dropFirst(digits.count)
    guard let value = Int(String(decoding: digits, as: UTF8.self)), value <= 1 << 56 else { return nil }
    return value
  }

  /// Sixteen hexadecimal digits.
  private mutating func number() -> UInt64? {
    var value: UInt64 = 0
    for digit in rest.prefix(16) {
      guard let nibble = Hexadecimal.value(of: digit) else { return nil }
      value = value << 4 | UInt64(nibble)
    }
    rest = rest.dropFirst(16)
    return value
  }

  /// The digest under `key`, if it comes next.
  private mutating func digest(_ key: String) -> SHA256Digest? {
    let before = rest
    guard skip(",\"\(key)\":\""), let digest = SHA256Digest(String(decoding: rest.prefix(64), as: UTF8.self)) else {
      rest = before
      return nil
    }
    rest = rest.dropFirst(65)
    return digest
  }
}
