import Machine
import Network
import Runs
import Testing
import Training

@testable import Reporting

/// A run of three layers on three workers.
func exampleRun(testExamples: Int = 20, notes: [String] = ["worker 2 is idle"]) -> RunDescription {
  RunDescription(
    layers: [
      .init(
        name: "conv2d_1", summary: "conv2d 3×3×16, same",
        outputShape: ValueShape(ImageShape(height: 8, width: 8, channels: 16)), parameterCount: 160),
      .init(
        name: "flatten_1", summary: "flatten", outputShape: .flat(1024), parameterCount: 0),
      .init(
        name: "dense_1", summary: "dense 10", outputShape: .flat(10), parameterCount: 10250),
    ], parameterCount: 10410, statisticCount: 0,
    memory: MemoryPlan(
      nodes: [
        .init(
          node: 0, workers: 0..<2, weightBytes: 40 << 10, optimizerBytes: 30 << 10, activationBytes: 3 << 20,
          gradientBytes: 41 << 10),
        .init(
          node: 1, workers: 2..<3, weightBytes: 40 << 10, optimizerBytes: 11 << 10, activationBytes: 3 << 20,
          gradientBytes: 41 << 10),
      ], dataset: .auto), trainingExamples: 1437, testExamples: testExamples, epochs: 20, stepsPerEpoch: 23,
    batchSize: 64, shardSize: 16,
    placement: Placement(workers: [.init(cpu: 0, node: 0), .init(cpu: 1, node: 0), .init(cpu: 8, node: 1)], notes: []),
    kernels: "avx512", notes: notes)
}

func exampleRecord(
  epoch: Int = 3, step: Int = 56, stepInEpoch: Int = 10, loss: Double = 0.12345, imagesPerSecond: Double = 12345.6
) -> StepRecord {
  StepRecord(
    epoch: epoch, step: step, stepInEpoch: stepInEpoch, loss: loss, accuracy: 0.97222, learningRate: 0.05,
    imagesPerSecond: imagesPerSecond, stepMilliseconds: 5.25, reduceMilliseconds: 0.5, barrierMilliseconds: 0.25,
    meetingsMilliseconds: 0.125,
    steps: 10, elapsedSeconds: 12)
}

@Suite struct RunTextTests {
  @Test("the header is a table and the facts")
  func theHeaderIsATableAndTheFacts() {
    #expect(
      RunHeader.lines(name: "digits", description: exampleRun()).joined(separator: "\n") == """
        lockstep \(ProgramVersion.current) · digits

          layer                           output  parameters
          ──────────────────────────────────────────────────
          conv2d_1   conv2d 3×3×16, same  8×8×16         160
          flatten_1  flatten                1024           0
          dense_1    dense 10                 10      10,250
          ──────────────────────────────────────────────────
          total                                       10,410

          data     1,437 training and 20 test examples
          batches  20 epochs of 23 steps, 64 examples a step in shards of 16
          kernels  avx512
          workers  3 workers: CPUs 0-1 on node 0, CPU 8 on node 1
          memory   9.2 MiB on 2 nodes: 3 × (3 MiB activations + 41 KiB gradients)
                   + 80 KiB weights + 41 KiB optimizer
          note     worker 2 is idle

        """)
  }

  @Test("the table has a line per block and says what is in it")
  func theTableHasALinePerBlock() throws {
    let model = try #require(PresetRegistry.preset(named: "resnet20")).model(classes: 10)
    var run = exampleRun()
    run.layers = Array(RunDescription.layers(of: try ModelGraph(model))[3..<6])
    (run.parameterCount, run.statisticCount) = (272_474, 1_376)
    let lines = RunHeader.lines(name: "x", description: run)
    #expect(
      lines[2..<17].joined(separator: "\n") == """
          layer                               output  parameters
          ──────────────────────────────────────────────────────
          residual_1          3 × residual  32×32×16      14,016
            (conv2d 3×3×16, padding 1, no bias · batch_norm · relu · conv2d 3×3×16,
            padding 1, no bias · batch_norm) + input · relu
          residual_2          residual      16×16×32      14,528
            (conv2d 3×3×32, strides 2×2, padding 1, no bias · batch_norm · relu · conv2d
            3×3×32, padding 1, no bias · batch_norm) + (conv2d 1×1×32, strides 2×2,
            valid, no bias · batch_norm) · relu
          residual_3          2 × residual  16×16×32      37,120
            (conv2d 3×3×32, padding 1, no bias · batch_norm · relu · conv2d 3×3×32,
            padding 1, no bias · batch_norm) + input · relu
          ──────────────────────────────────────────────────────
          total                                          272,474
          running statistics                               1,376
        """)
  }

  @Test("the table of every preset fits a terminal")
  func theTableOfEveryPresetFitsATerminal() throws {
    for preset in PresetRegistry.presets {
      var run = exampleRun()
      run.layers = RunDescription.layers(of: try ModelGraph(preset.model(classes: 1000)))
      run.parameterCount = run.layers.reduce(0) { $0 + $1.parameterCount }
      let lines = RunHeader.lines(name: preset.name, description: run)
      #expect(lines.allSatisfy { $0.count <= 80 }, "\(preset.name): \(lines.filter { $0.count > 80 })")
      // A line for each layer of a chain, of which mobilenet_v2 has most, and no more than three for a block's layers.
      #expect(lines.count <= 110, "\(preset.name): \(lines.count) lines")
    }
  }

  @Test("the header says what is missing")
  func theHeaderSaysWhatIsMissing() {
    let lines = RunHeader.lines(name: "x", description: exampleRun(testExamples: 0, notes: ["a", "a"]))
    #expect(lines.contains("  data     1,437 training examples, no test set"))
    #expect(lines.filter { $0.contains("note") }.count == 1)
  }

  /// The digits' licence requires it.
  @Test("the header names the authors of embedded data")
  func theHeaderNamesTheAuthorsOfEmbeddedData() {
    var run = exampleRun()
    run.dataCredit = ["Digits, by A and B,", "licensed C"]
    let lines = RunHeader.lines(name: "x", description: run)
    #expect(lines.contains("           Digits, by A and B,") && lines.contains("           licensed C"))
  }

  @Test("placements are put into words")
  func placementsInWords() {
    func text(_ workers: [Placement.Worker]) -> String {
      PlacementText.summary(Placement(workers: workers, notes: []))
    }
    #expect(text([.init(cpu: nil, node: 0), .init(cpu: nil, node: 0)]) == "2 workers, not pinned")
    #expect(text([.init(cpu: 5, node: 1)]) == "1 worker: CPU 5 on node 1")
    #expect(
      text([.init(cpu: 0, node: 0), .init(cpu: 0, node: 0), .init(cpu: nil, node: 0)])
        == "3 workers: CPU 0 and 1 not pinned on node 0")
    #expect(text((0..<4).map { .init(cpu: $0 * 2, node: 0) }) == "4 workers: CPUs 0,2,4,6 on node 0")
  }

  @Test("the live lines fit every width")
  func theLiveLinesFitEveryWidth() {
    let text = ProgressText(epochs: 20, stepsPerEpoch: 23)
    var record = exampleRecord()
    record.mostWaiting = WaitingWorker(worker: 3, share: 0.124)
    func lines(_ width: Int) -> [String] { text.display(record, secondsLeft: 7, width: width) }
    #expect(
      lines(79) == [
        "epoch  3/20 ━━━━━━━━━━━──────────────── 0:07 left · step  56/460 · 0:12 elapsed",
        "loss 0.1235 · accuracy 97.22% · 12,346 images/s",
      ])
    #expect(
      lines(110) == [
        "epoch  3/20 ━━━━━━━━━━━━━━━━━─────────────────────── 0:07 left · step  56/460 · 0:12 elapsed",
        "loss 0.1235 · accuracy 97.22% · 12,346 images/s · worker 3 waits 12% of the time",
      ])
    #expect(lines(40) == ["epoch  3/20 ━━━━━━━─────────── 0:07 left", "loss 0.1235 · accuracy 97.22%"])
    #expect(lines(29) == ["epoch  3/20 ━━━──── 0:07 left", "loss 0.1235 · accuracy 97.22%"])
    #expect(lines(22) == ["epoch  3/20 ━━━━──────", "loss 0.1235"])
    #expect(lines(17) == ["epoch  3/20", "loss 0.1235"])
    #expect(lines(3) == ["epo", "los"])
    for width in -2...200 {
      #expect(lines(width).count == 2)
      #expect(lines(width).allSatisfy { $0.count <= max(0, width) })
      #expect(lines(width).allSatisfy { $0.count <= 110 }, "a wide terminal does not stretch the bar without end")
    }
  }

  @Test("text for terminals without UTF-8 is ASCII, and colours change no character")
  func textForOtherTerminals() {
    #expect(TerminalText.ascii("epoch ━━── 0:07 · 3×3 é") == "epoch ##-- 0:07 | 3x3 ?")
    #expect(TerminalText.coloured("a ━━── b") == "a \u{1B}[36m━━\u{1B}[0m\u{1B}[2m──\u{1B}[0m b")
    #expect(TerminalText.coloured("loss 1 · b") == "loss 1 · b")
  }

  @Test("bars are clamped")
  func barsAreClamped() {
    #expect(ProgressText.barText(share: -1, columns: 3) == "───")
    #expect(ProgressText.barText(share: 2, columns: 3) == "━━━")
    #expect(ProgressText.barText(share: .nan, columns: 3) == "───")
    #expect(ProgressText(epochs: 0, stepsPerEpoch: 0).display(exampleRecord(), secondsLeft: 0, width: 80).count == 2)
  }

  @Test("step and epoch lines hold their parts")
  func stepAndEpochLines() {
    let text = ProgressText(epochs: 20, stepsPerEpoch: 100)
    #expect(
      text.step(exampleRecord(), width: .max)
        == "epoch  3/20  step   56/2000  loss 0.1235  accuracy 97.22%  12,346 images/s  0:12")
    #expect(text.epoch(tested, width: .max) == wide)
    #expect(
      text.epoch(EpochRecord(means: exampleRecord(), validationLoss: nil, validationAccuracy: nil), width: 80)
        == "epoch  3/20  step   56/2000  loss 0.1235  accuracy 97.22%  12,346 images/s  0:12")
  }

  private let tested = EpochRecord(
    means: exampleRecord(), validationLoss: 0.1, validationAccuracy: 0.95)
  private let wide =
    "epoch  3/20  step   56/2000  loss 0.1235  accuracy 97.22%  val_loss 0.1000  val_accuracy 95.00%  "
    + "12,346 images/s  0:12"

  @Test("epoch lines fit a terminal")
  func epochLinesFitATerminal() {
    let text = ProgressText(epochs: 20, stepsPerEpoch: 100)
    #expect(text.epoch(tested, width: wide.count) == wide)
    #expect(
      text.epoch(tested, width: 80)
        == "epoch  3/20  loss 0.1235 (97.22%)  val 0.1000 (95.00%)  12,346 images/s  0:12")
    #expect(text.epoch(tested, width: 70) == "epoch  3/20  loss 0.1235 (97.22%)  val 0.1000 (95.00%)  0:12")
    #expect(text.epoch(tested, width: 40) == "epoch  3/20  val 0.1000 (95.00%)")
    for width in 0...150 {
      #expect(text.epoch(tested, width: width).count <= width)
      #expect(text.step(exampleRecord(), width: width).count <= width)
    }
  }
}
