import Configuration
import Diagnostics
import Foundation
import Reporting
import Runs
import Storage
import TestSupport
import Testing
import Training

/// What a kill leaves at every system call that records a step.
@Suite struct CrashTests {
  private func configuration(_ keepBest: Int) throws -> RunConfiguration {
    try ConfigurationReader.read(
      text: """
        { model: { input: [2, 2, 1], layers: [{ type: 'flatten' }, { type: 'dense', units: 3 }, { type: 'softmax' }] },
          data: { format: 'synthetic', examples: 12, test_examples: 6, classes: 3 },
          training: { epochs: 3, batch_size: 4 }, runtime: { workers: 1, placement: { policy: 'none' } },
          checkpoint: { every_steps: 1, keep_last: 1, keep_best: \(keepBest) }, logging: { every_steps: 1 } }
        """, file: "small.json")
  }

  private func metrics(_ folder: String) throws -> [Substring] {
    String(decoding: try contents(ofFile: "\(folder)/metrics.jsonl"), as: UTF8.self).split(separator: "\n").map {
      $0.prefix(upTo: $0.firstRange(of: "\"images_per_second\"")?.lowerBound ?? $0.endIndex)
    }
  }

  /// From where the folder's run left off to its end, or for one step.
  private func goOn(
    _ path: String, _ run: RunConfiguration, oneStep: Bool = false, faults: FileFaults? = nil
  ) throws -> TrainingSummary {
    let point = try RunDirectory.unfinishedRun(in: path)
    let data = try run.loadData()
    let trainer = try Trainer(
      configuration: run, topology: try .read(), kernels: testKernels, training: data.training, test: data.test,
      initialWeights: nil, resuming: point?.checkpoint)
    let directory = try RunDirectory(path: path, configuration: run, resuming: point, ledger: trainer.ledgerStart)
    #expect(directory.notes == [])
    let stop = StopFlag()
    if oneStep { stop.request() }
    func body() throws -> TrainingSummary {
      let summary = try trainer.run(stop: stop) { try directory.record($0) }
      try directory.finish(weights: trainer.weights(), summary: summary)
      return summary
    }
    return try faults.map { try $0.run(body) } ?? body()
  }

  /// The folder is copied before each call, as a kill at that moment would leave it; every copy leads to the same end.
  @Test("a kill before any call loses nothing", arguments: [1, 3, 5])
  func aKillBeforeAnyCallCostsNothing(stepsBefore: Int) throws {
    let folder = try TemporaryFolder()
    let run = try configuration(stepsBefore == 5 ? 1 : 0)
    let whole = try goOn(folder.file("whole"), run)
    for _ in 0..<stepsBefore { _ = try goOn(folder.file("run"), run, oneStep: true) }
    let images = Images(folder: folder.file("run"))
    _ = try goOn(folder.file("run"), run, oneStep: true, faults: FileFaults { images.take(before: $0) })
    #expect(Set(images.calls) == Set(FileCall.allCases).subtracting([.openFolder]), "the folder is open all the time")
    for (index, call) in images.calls.enumerated() {
      let image = images.path(index)
      #expect(try goOn(image, run).weightsDigest == whole.weightsDigest, "before call \(index), \(call)")
      #expect(try metrics(image) == metrics(folder.file("whole")), "before call \(index), \(call)")
      #expect(
        try contents(ofFile: "\(image)/ledger.jsonl") == contents(ofFile: folder.file("whole/ledger.jsonl")),
        "before call \(index), \(call)")
      let names = try FileManager.default.contentsOfDirectory(atPath: image)
      #expect(!names.contains { $0.hasSuffix(".tmp") }, "before call \(index), \(call)")
    }
  }
}

/// Copies of a folder over time; used by one task alone.
private final class Images: @unchecked Sendable {
  private let folder: String
  private(set) var calls: [FileCall] = []

  init(folder: String) { self.folder = folder }

  func path(_ index: Int) -> String { "\(folder)-\(index)" }

  func take(before call: FileCall) -> Int32? {
    do {
      try FileManager.default.copyItem(atPath: folder, toPath: path(calls.count))
    } catch {
      Issue.record("no copy of the folder: \(error)")
    }
    calls.append(call)
    return nil
  }
}
