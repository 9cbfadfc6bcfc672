import Configuration
import Diagnostics
import Foundation
import KernelInterface
import Machine
import Measuring
import Reporting
import Storage
import TestSupport
import Testing
import Training

@testable import Runs

/// `lockstep verify`: what it proves of a true run, and what it finds in a changed one.
@Suite struct VerificationTests {
  /// A finished run of 4 epochs of 4 steps on small files, with checkpoints after some of them.
  private final class Run {
    let folder: TemporaryFolder
    var path: String { folder.file("run") }
    let images: [UInt8]

    init(
      initialWeights: [NamedTensor]? = nil, checkpoints: Set<Int> = [3, 6, 9, 12, 15, 16],
      overrides: [(String, String)] = []
    ) throws {
      folder = try TemporaryFolder()
      images = (0..<14 * 4).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 37 % 251) }
      _ = try folder.write(idx([14, 2, 2], images), to: "images")
      _ = try folder.write(idx([14], (0..<14).map { $0 % 3 }), to: "labels")
      let run = try ConfigurationReader.read(
        text: """
          { model: { input: [2, 2, 1], layers: [
              { type: 'flatten' }, { type: 'dense', units: 5 }, { type: 'relu' }, { type: 'dense', units: 3 },
              { type: 'softmax' } ] },
            data: { format: 'idx', train: { images: 'images', labels: 'labels' }, test: { images: 'images', labels: 'labels' } },
            training: { epochs: 4, batch_size: 4 }, runtime: { workers: 2, shard_size: 1, placement: { policy: 'none' } },
            checkpoint: { every_epochs: 0, keep_last: 100 }, ledger: { every_steps: 2 },
            logging: { every_steps: 2 } }
          """, file: folder.file("small.json"),
        overrides: overrides.map { ConfigurationOverride(path: $0.0, text: $0.1, origin: $0.0) })
      // In parts of one step, so that no checkpoint is left out because the one before is still being written.
      for _ in 0..<16 {
        let point = try RunDirectory.unfinishedRun(in: path)
        let data = try run.loadData()
        let trainer = try Trainer(
          configuration: run, topology: try .read(), kernels: testKernels, training: data.training, test: data.test,
          initialWeights: point == nil ? initialWeights : nil, resuming: point?.checkpoint)
        let directory = try RunDirectory(
          path: path, configuration: run, resuming: point, ledger: trainer.ledgerStart)
        let stop = StopFlag()
        stop.request()
        let summary = try trainer.run(stop: stop) { try directory.record($0) }
        try directory.finish(weights: trainer.weights(), summary: summary)
      }
      for step in try CheckpointFolder(path: path).steps where !checkpoints.contains(step) {
        try FileManager.default.removeItem(atPath: "\(path)/\(Checkpoint.fileName(step: step))")
      }
    }

    func bytes(_ name: String) throws -> [UInt8] { try contents(ofFile: folder.file(name)) }

    func verify(
      _ segments: Int? = nil, kernels: KernelTable = testKernels, overrides: [(String, String)] = [],
      initialWeights: [NamedTensor]? = nil
    ) throws -> VerificationSummary {
      let evidence = try RunEvidence(
        path, overrides: overrides.map { ConfigurationOverride(path: $0.0, text: $0.1, origin: $0.0) })
      var generator = SystemRandomNumberGenerator()
      return try RunVerification(
        evidence, topology: try .read(), kernels: kernels, initialWeights: initialWeights
      ).run(segments: segments, using: &generator)
    }
  }

  @Test("a true run is proven with any workers and kernels, in whole or in parts")
  func trueRun() throws {
    let run = try Run()
    for kernels in runnableKernels {
      for workers in 1...5 {
        let summary = try run.verify(kernels: kernels, overrides: [("runtime.workers", "\(workers)")])
        #expect(summary.isAll && summary.stepsReplayed == 16 && summary.steps == 16)
        #expect(summary.metricsCompared == 8 + 4 && summary.remarks == [])
        #expect(summary.probabilityOfMissing(0.01) == 0)
      }
    }
    let parts = try run.verify(2)
    #expect(parts.replayed.count == 2 && parts.segments.count == 6 && !parts.isAll)
    #expect(parts.segments.first?.first == 0 && parts.segments.last?.last == 16)
    #expect(try run.verify(0).probabilityOfMissing(0.5) == 1)
  }

  @Test("the probability of missing a false part is that of drawing none")
  func probability() throws {
    let run = try Run(checkpoints: [4, 8, 12])
    var summary = try run.verify(0)
    try #require(summary.segments.map(\.steps) == [4, 4, 4, 4])
    summary.replayed = Array(summary.segments.prefix(2))
    // One of four parts is false, or two: drawing two of four.
    #expect(abs(summary.probabilityOfMissing(0.2) - 0.5) < 1e-12)
    #expect(abs(summary.probabilityOfMissing(0.5) - 1.0 / 6) < 1e-12)
    #expect(summary.probabilityOfMissing(0.9) == 0)
  }

  @Test("only keys that change speed may be set")
  func overrides() throws {
    let run = try Run()
    let error = #expect(throws: UserError.self) {
      try RunEvidence(run.path, overrides: [ConfigurationOverride(path: "seed", text: "2", origin: "--seed 2")])
    }
    #expect(error?.category == .usage && error?.subject == "seed")
  }

  @Test("a run that began with weights is replayed from them, or from its first checkpoint on")
  func initialWeights() throws {
    let first = try Run(overrides: [("seed", "9")])
    let weights = try Safetensors.read(ByteInput(path: "\(first.path)/weights.safetensors")).tensors
    let run = try Run(initialWeights: weights)
    #expect(try run.verify(initialWeights: weights).isAll)
    let without = try run.verify()
    #expect(!without.isAll && without.stepsReplayed < 16 && without.remarks.count == 1)
    let other = try Safetensors.read(ByteInput(path: "\(run.path)/weights.safetensors")).tensors
    #expect(throws: UserError.self) { try run.verify(initialWeights: other) }
  }

  @Test("a run without checkpoints and receipt is one part, and that is said")
  func withoutCheckpoints() throws {
    let run = try Run(checkpoints: [])
    try FileManager.default.removeItem(atPath: run.path + "/receipt.json")
    let summary = try run.verify(1)
    #expect(summary.segments.count == 1 && summary.stepsReplayed == 16 && summary.remarks.count == 2)
  }

  // MARK: Changes

  /// Lines that a run could have written, with a chain that holds, of which `change` has changed one.
  private func forgedLedger(_ path: String, _ change: (inout [LedgerEntry]) -> Void) throws -> [UInt8] {
    let record = try LedgerRecord.read(path)
    var entries = record.entries
    change(&entries)
    var (text, link) = (record.start.line + [10], record.start.chain)
    for entry in entries {
      link = entry.chain(after: link)
      entry.append(to: &text, chain: link)
    }
    return text
  }

  private enum Change: CaseIterable {
    case ledgerByte, forgedLoss, forgedBatch, forgedWeights, configurationKey, configurationByte, image, label,
      metricsDigit, checkpointByte, forgedCheckpoint, weightsByte, forgedWeightsFile, receiptDigit
  }

  /// Whether only the receipt shows the change, as no step depends on it.
  private func needsReceipt(_ change: Change) -> Bool { change == .configurationByte }

  private func change(_ change: Change, _ run: Run, _ generator: inout SeededGenerator) throws -> String {
    func flip(_ name: String, _ positions: Range<Int>? = nil) throws {
      var bytes = try run.bytes(name)
      bytes[Int.random(in: positions ?? 0..<bytes.count, using: &generator)] ^=
        1 << UInt8.random(in: 0..<8, using: &generator)
      _ = try run.folder.write(bytes, to: name)
    }
    func forge(_ body: (inout LedgerEntry, inout SeededGenerator) -> Void) throws {
      let text = try forgedLedger(run.path + "/ledger.jsonl") { entries in
        let index = entries.indices.filter { entries[$0].weights != nil }.randomElement(using: &generator) ?? 0
        body(&entries[index], &generator)
      }
      _ = try run.folder.write(text, to: "run/ledger.jsonl")
    }
    func replace(_ name: String, _ old: String, _ new: String) throws {
      _ = try run.folder.write(run.folder.text(name).replacingOccurrences(of: old, with: new), to: name)
    }
    switch change {
    case .ledgerByte:
      try flip("run/ledger.jsonl", 0..<(try run.bytes("run/ledger.jsonl").count - 1))
      return "ledger.jsonl"
    case .forgedLoss:
      try forge { $0.loss ^= 1 << UInt64.random(in: 0..<64, using: &$1) }
      return "ledger.jsonl"
    case .forgedBatch:
      try forge { $0.batch.words[3] ^= 1 << UInt32.random(in: 0..<32, using: &$1) }
      return "ledger.jsonl"
    case .forgedWeights:
      try forge { entry, generator in entry.weights?.words[0] ^= 1 << UInt32.random(in: 0..<32, using: &generator) }
      // Found where a part begins with these weights, too.
      return ""
    case .configurationKey:
      let keys = [
        ("\"lr\": 0.05", "\"lr\": 0.06"), ("\"momentum\": 0.9", "\"momentum\": 0.8"), ("\"seed\": 1", "\"seed\": 2"),
      ]
      let (old, new) = keys.randomElement(using: &generator) ?? keys[0]
      try replace("run/config.json", old, new)
      return "config.json"
    case .configurationByte:
      try replace(
        "run/config.json", "\"keep_last\": 100", "\"keep_last\": \(Int.random(in: 101..<999, using: &generator))")
      return "config.json"
    case .image:
      try flip("images", 16..<(16 + run.images.count))
      return "data"
    case .label:
      var bytes = try run.bytes("labels")
      let index = Int.random(in: 8..<22, using: &generator)
      bytes[index] = (bytes[index] + 1) % 3
      _ = try run.folder.write(bytes, to: "labels")
      return "data"
    case .metricsDigit:
      var lines = try run.folder.text("run/metrics.jsonl").split(separator: "\n").map(String.init)
      let index = lines.indices.randomElement(using: &generator) ?? 0
      lines[index] = lines[index].replacingOccurrences(of: "\"loss\":", with: "\"loss\":1")
      _ = try run.folder.write(lines.joined(separator: "\n") + "\n", to: "run/metrics.jsonl")
      return "metrics.jsonl"
    case .checkpointByte, .forgedCheckpoint:
      let step = try #require(try CheckpointFolder(path: run.path).steps.randomElement(using: &generator))
      let name = Checkpoint.fileName(step: step)
      guard change == .forgedCheckpoint else {
        try flip("run/\(name)")
        return name
      }
      let old = try Checkpoint.read("\(run.path)/\(name)")
      var (parameters, state) = (old.parameters, old.state)
      if Bool.random(using: &generator) {
        parameters[0] = changed(parameters[0], &generator)
      } else {
        let tensors = state[0].tensors
        state[0] = SlotTensors(slot: state[0].slot, tensors: [changed(tensors[0], &generator)] + tensors.dropFirst())
      }
      try Checkpoint(
        step: step, parameters: parameters, state: state, configuration: old.configuration,
        dataFingerprint: old.dataFingerprint, progress: old.progress, initialWeights: old.initialWeights
      ).write(to: "\(run.path)/\(name)")
      return ""
    case .weightsByte:
      // One of the 43 values.
      let count = try run.bytes("run/weights.safetensors").count
      try flip("run/weights.safetensors", count - 4 * 43..<count)
      return "weights.safetensors"
    case .forgedWeightsFile:
      let tensors = try Safetensors.read(ByteInput(path: "\(run.path)/weights.safetensors")).tensors
      let forged = [changed(tensors[0], &generator)] + tensors.dropFirst()
      try Safetensors.write(
        forged,
        metadata: ["format": "lockstep", "version": ProgramVersion.current, "digest": WeightsDigest.of(forged)],
        to: FilePlace(path: "\(run.path)/weights.safetensors"))
      return "weights.safetensors"
    case .receiptDigit:
      var bytes = try run.bytes("run/receipt.json")
      let text = String(decoding: bytes, as: UTF8.self)
      // A digit of any digest.
      let digits = text.indices.filter { text[$0...].prefix(1).allSatisfy(\.isHexDigit) }
      let start = text.utf8.distance(
        from: text.startIndex, to: try #require(digits.first { text[$0...].prefix(64).allSatisfy(\.isHexDigit) }))
      let index = start + Int.random(in: 0..<64, using: &generator)
      bytes[index] = bytes[index] == 48 ? 49 : 48
      _ = try run.folder.write(bytes, to: "run/receipt.json")
      return "receipt.json"
    }
  }

  /// The tensor with one bit of one value flipped, so that it stays finite.
  private func changed(_ tensor: NamedTensor, _ generator: inout SeededGenerator) -> NamedTensor {
    var values = tensor.values
    let index = values.indices.randomElement(using: &generator) ?? 0
    values[index] = Float(bitPattern: values[index].bitPattern ^ 1 << UInt32.random(in: 0..<20, using: &generator))
    return NamedTensor(name: tensor.name, shape: tensor.shape, values: values)
  }

  /// 200 changes: with the receipt, and without it where a replay or the ledger alone shows them.
  @Test("every change is found, and what was changed is named", arguments: 0..<20)
  func changes(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let run = try Run()
    let names = try FileManager.default.contentsOfDirectory(atPath: run.path)
    var before: [String: [UInt8]] = [:]
    for name in names.map({ "run/\($0)" }) + ["images", "labels"] { before[name] = try run.bytes(name) }
    for number in 0..<10 {
      let kind = Change.allCases[(seed * 10 + number) % Change.allCases.count]
      let keepsReceipt = Bool.random(using: &generator) || needsReceipt(kind) || kind == .receiptDigit
      if !keepsReceipt { try FileManager.default.removeItem(atPath: run.path + "/receipt.json") }
      let name = try change(kind, run, &generator)
      let error = #expect(throws: UserError.self, "\(kind), receipt \(keepsReceipt)") { try run.verify() }
      let text = error.map { "\($0)" } ?? ""
      #expect(name.isEmpty || text.contains(name), "\(kind): \(text)")
      for (name, bytes) in before { _ = try run.folder.write(bytes, to: name) }
    }
    #expect(try run.verify().isAll, "all changes were undone")
  }
}

/// Numbers that a seed repeats.
private struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state ^ state >> 29) &* 0xBF58_476D_1CE4_E5B9
  }
}
