import Configuration
import Diagnostics
import Foundation
import Reporting
import Storage
import TestSupport
import Testing
import Training

@testable import Runs

/// `ledger.jsonl` and `receipt.json`: over the parts of a run, and when they are changed.
@Suite struct LedgerTests {
  private func configuration(_ overrides: [(String, String)] = []) throws -> RunConfiguration {
    try ConfigurationReader.read(
      text: """
        { model: { input: [2, 2, 1], layers: [{ type: 'flatten' }, { type: 'dense', units: 3 }, { type: 'softmax' }] },
          data: { format: 'synthetic', examples: 12, test_examples: 6, classes: 3 },
          training: { epochs: 4, batch_size: 4 }, runtime: { workers: 1, placement: { policy: 'none' } },
          checkpoint: { every_epochs: 0 }, ledger: { every_steps: 5 }, logging: { every_steps: 1 } }
        """, file: "small.json",
      overrides: overrides.map { ConfigurationOverride(path: $0.0, text: $0.1, origin: $0.0) })
  }

  /// The run in `path` from where it left off; `steps` is 1, or all to the end.
  @discardableResult
  private func train(_ path: String, _ run: RunConfiguration, steps: Int = .max) throws -> [String] {
    let point = try RunDirectory.unfinishedRun(in: path)
    let data = try run.loadData()
    let trainer = try Trainer(
      configuration: run, topology: try .read(), kernels: testKernels, training: data.training, test: data.test,
      initialWeights: nil, resuming: point?.checkpoint)
    let directory = try RunDirectory(path: path, configuration: run, resuming: point, ledger: trainer.ledgerStart)
    let stop = StopFlag()
    if steps == 1 { stop.request() }
    let summary = try trainer.run(stop: stop) { try directory.record($0) }
    try directory.finish(weights: trainer.weights(), summary: summary)
    return directory.notes
  }

  @Test("a run in parts has the ledger of one that was never interrupted, byte for byte")
  func parts() throws {
    let folder = try TemporaryFolder()
    let run = try configuration()
    try train(folder.file("whole"), run)
    for step in 0..<12 {
      let workers = try configuration([("runtime.workers", "\(step % 3 + 1)")])
      #expect(try train(folder.file("parts"), workers, steps: 1) == [])
    }
    #expect(try folder.text("parts/ledger.jsonl") == folder.text("whole/ledger.jsonl"))
    let record = try LedgerRecord.read(folder.file("whole/ledger.jsonl"))
    #expect(record.entries.filter { $0.weights != nil }.map(\.step) == [3, 5, 6, 9, 10, 12])
    let (parts, whole) = (
      try Receipt.read(folder.file("parts/receipt.json")), try Receipt.read(folder.file("whole/receipt.json"))
    )
    #expect(parts.head == whole.head && parts.head == record.head && parts.steps == 12)
    #expect(parts.finalWeights == whole.finalWeights && parts.initialWeights == whole.initialWeights)
    #expect(try folder.text("whole/receipt.json").utf8.count < 2048)
  }

  @Test("a run continued in another folder brings its ledger along")
  func anotherFolder() throws {
    let folder = try TemporaryFolder()
    let run = try configuration()
    for _ in 0..<5 { try train(folder.file("first"), run, steps: 1) }
    let file = folder.file("first/\(Checkpoint.fileName(step: 5))")
    let point = ResumePoint(checkpoint: try Checkpoint.open(file), file: file)
    let data = try run.loadData()
    let trainer = try Trainer(
      configuration: run, topology: try .read(), kernels: testKernels, training: data.training, test: data.test,
      initialWeights: nil, resuming: point.checkpoint)
    let directory = try RunDirectory(
      path: folder.file("second"), configuration: run, resuming: point, ledger: trainer.ledgerStart)
    #expect(directory.notes == [])
    _ = try trainer.run(stop: StopFlag()) { try directory.record($0) }
    try train(folder.file("whole"), run)
    #expect(try LedgerRecord.read(folder.file("second/ledger.jsonl")) == .read(folder.file("whole/ledger.jsonl")))
  }

  @Test("without its first lines, or for other data, a run goes on without a ledger and says so")
  func goesOnWithout() throws {
    let folder = try TemporaryFolder()
    let run = try configuration()
    for _ in 0..<3 { try train(folder.file("run"), run, steps: 1) }
    let text = try folder.text("run/ledger.jsonl")
    _ = try folder.write(
      String(text.split(separator: "\n").prefix(2).joined(separator: "\n") + "\n"), to: "run/ledger.jsonl")
    let notes = try train(folder.file("run"), run)
    #expect(notes.count == 1 && notes[0].contains("ends after step 1"), "\(notes)")
    #expect(!folder.exists("run/receipt.json"))
    let other = try train(folder.file("other"), try configuration([("ledger.every_steps", "0")]), steps: 1)
    #expect(other == [] && !folder.exists("other/ledger.jsonl") && !folder.exists("other/receipt.json"))
    #expect(try train(folder.file("other"), run).first?.contains("without a ledger") == true)
  }

  @Test("every changed byte of a ledger is found, and the line is named")
  func changedBytes() throws {
    let folder = try TemporaryFolder()
    try train(folder.file("run"), try configuration())
    let path = folder.file("run/ledger.jsonl")
    let bytes = try contents(ofFile: path)
    let head = try LedgerRecord.read(path).head
    var line = 1
    for (index, byte) in bytes.enumerated() {
      var changed = bytes
      changed[index] = byte ^ 1
      // The last newline is the end of the file: without it a line was not written to its end.
      guard index < bytes.count - 1 else { break }
      let error = #expect(throws: UserError.self) { try LedgerRecord.read(ByteInput(name: "l", bytes: changed)) }
      #expect(error?.message.hasPrefix("line \(line)") == true, "byte \(index): \(error?.message ?? "")")
      if byte == 10 { line += 1 }
    }
    for kept in 1..<13 {
      let lines = bytes.split(separator: 10).prefix(kept).flatMap { $0 + [10] }
      #expect(
        try LedgerRecord.read(ByteInput(name: "l", bytes: lines)).head != head, "a shorter ledger has another head")
    }
  }

  @Test("a changed receipt is refused, or says something else", arguments: [0, 1, 7])
  func changedReceipt(bit: UInt8) throws {
    let folder = try TemporaryFolder()
    try train(folder.file("run"), try configuration())
    let path = folder.file("run/receipt.json")
    let (bytes, receipt) = (try contents(ofFile: path), try Receipt.read(path))
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 1 << bit
      _ = try folder.write(changed, to: "run/receipt.json")
      #expect((try? Receipt.read(path)) != receipt, "byte \(index)")
    }
  }

  private func check(_ folder: TemporaryFolder) throws -> (code: Int32, errors: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Examples/check_receipt.py").path
    process.arguments = ["python3", script, folder.file("run")]
    let errors = Pipe()
    process.standardError = errors
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  @Test("a program of a third party checks receipt, chain and files")
  func thirdParty() throws {
    let folder = try TemporaryFolder()
    try train(folder.file("run"), try configuration())
    let good = try check(folder)
    #expect(good.code == 0, "\(good.errors)")
    for name in Receipt.fileNames + [Receipt.fileName] {
      let bytes = try contents(ofFile: folder.file("run/\(name)"))
      var changed = bytes
      changed[bytes.count / 2] ^= 1
      _ = try folder.write(changed, to: "run/\(name)")
      #expect(try check(folder).code != 0, "\(name)")
      _ = try folder.write(bytes, to: "run/\(name)")
    }
  }
}
