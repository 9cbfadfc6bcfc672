import Configuration
import Datasets
import Foundation
import KernelInterface
import Network
import ReferenceKernels
import Storage
import TestSupport
import Testing

@testable import Training

/// Random nets through the trainer against the naive twins: the loss of every batch, every gradient of the last.
///
/// One epoch at rate 0 and momentum 0 leaves the weights as they are, so that the momentum at its end is the gradient of
/// the last batch. 60 nets, the same every time; `make fuzz-nets` runs more: `LOCKSTEP_NETS` of them from
/// `LOCKSTEP_NETS_SEED` on, written into the folder `LOCKSTEP_NETS_FOLDER` for Tests/Nets/compare.py.
@Suite("Random nets")
struct RandomNetworkTests {
  /// What one epoch gave.
  private struct Outcome: Equatable {
    var losses: [Double] = []
    /// The mean gradients of the last batch.
    var gradients: [NamedTensor] = []
    var validationLoss: Double?
  }

  private struct Settings {
    var nets = 60
    var firstSeed: UInt64 = 1
    var folder: String?
    var isLong = false

    init(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
      guard let nets = environment["LOCKSTEP_NETS"].flatMap(Int.init) else { return }
      (self.nets, isLong, folder) = (nets, true, environment["LOCKSTEP_NETS_FOLDER"])
      firstSeed = environment["LOCKSTEP_NETS_SEED"].flatMap(UInt64.init) ?? 1
    }
  }

  @Test("give the losses and gradients of the naive twins, the same for any workers and build")
  func randomNetworks() throws {
    let settings = Settings()
    var (unclear, worst) = (0, (error: 0.0, net: ""))
    for number in 0..<settings.nets {
      let net = try RandomNetwork(seed: settings.firstSeed + UInt64(number))
      let outcome = try check(net)
      if net.isClear {
        let error = compare(outcome, net)
        if error > worst.error { worst = (error, "net \(net.seed)") }
        if let folder = settings.folder { try write(net, outcome, to: folder) }
      } else {
        unclear += 1
      }
      if settings.isLong, (number + 1).isMultiple(of: 100) {
        print("\(number + 1) nets, \(unclear) with a decision too close; worst error \(worst.error) in \(worst.net)")
      }
    }
    #expect(unclear * 5 <= settings.nets)
  }

  /// Runs the net with one worker and expects the same bits from more, and from every build.
  private func check(_ net: RandomNetwork) throws -> Outcome {
    let best = try #require(runnableKernels.last)
    let expected = try run(net, workers: 1, kernels: best)
    for workers in [2, 3, 5] {
      #expect(try run(net, workers: workers, kernels: best) == expected, "\(workers) workers, \(net)")
    }
    for (index, kernels) in runnableKernels.dropLast().enumerated() {
      #expect(
        try run(net, workers: 1 + index, kernels: kernels) == expected, "\(kernels.name), \(net)")
    }
    return expected
  }

  private func configuration(_ net: RandomNetwork) -> RunConfiguration {
    var configuration = TestRun(net.model).with {
      $0.epochs = 1; $0.batchSize = net.batchSize; $0.shardSize = net.shardSize; $0.shuffle = false
      $0.learningRate = 0; $0.momentum = 0; $0.scale = 1
    }.configuration
    // Asks for the state at the end of the run.
    configuration.checkpoint.everySteps = 1_000_000
    return configuration
  }

  private func run(_ net: RandomNetwork, workers: Int, kernels: KernelTable) throws -> Outcome {
    var configuration = configuration(net)
    configuration.runtime.workers = .count(workers)
    let input = net.model.input
    let data = try ImageDataset(
      height: input.height, width: input.width, channels: input.channels, classCount: net.classes, floats: net.images,
      labels: net.labels.map(Int32.init))
    let trainer = try Trainer(
      configuration: configuration, topology: try machine(), kernels: kernels, training: data, test: data,
      initialWeights: net.parameters.map { NamedTensor(name: $0.name, shape: $0.shape, values: $0.values) })
    var outcome = Outcome()
    _ = try trainer.run(stop: StopFlag()) { event in
      switch event {
      case .step(let step, progress: false): outcome.losses.append(step.loss)
      case .checkpoint(let checkpoint): outcome.gradients = checkpoint.tensors(of: .momentum)
      case .epoch(let epoch): outcome.validationLoss = epoch.validationLoss
      default: break
      }
    }
    return outcome
  }

  /// Expects what the naive twins give; returns the worst error of a gradient.
  ///
  /// Errors are relative to the tensor's largest element plus a hundredth of the net's largest, or of 1: sums that
  /// cancel out and `ŷ − y` of an example that the net is sure of keep only absolute precision in Float.
  private func compare(_ outcome: Outcome, _ net: RandomNetwork) -> Double {
    #expect(outcome.losses.count == net.passes.count, "\(net)")
    var (total, worst) = (0.0, 0.0)
    for (batch, (pass, loss)) in zip(net.batches, zip(net.passes, outcome.losses)) {
      total += pass.loss * Double(batch.count)
      #expect(abs(loss - pass.loss) <= 1e-5 * max(1, pass.loss), "batch \(batch), \(net)")
    }
    let expected = net.passes.last?.gradients ?? [:]
    #expect(outcome.gradients.count == expected.count, "\(net)")
    let floor = 1e-2 * max(1, expected.values.joined().lazy.map(abs).max() ?? 0)
    for gradient in outcome.gradients {
      let values = expected[gradient.name] ?? []
      #expect(gradient.values.count == values.count, "\(gradient.name), \(net)")
      let largest = values.lazy.map(abs).max() ?? 0
      let difference = zip(gradient.values, values).map { abs(Double($0) - $1) }.max() ?? 0
      #expect(difference <= 1e-4 * (largest + floor), "\(gradient.name), \(net)")
      worst = max(worst, difference / (largest + floor))
    }
    guard !net.hasNorms else { return worst }
    let mean = total / Double(net.examples)
    #expect(abs((outcome.validationLoss ?? .nan) - mean) <= 1e-5 * max(1, mean), "validation, \(net)")
    return worst
  }

  /// Everything that another program needs to compute the same, and what came out.
  private func write(_ net: RandomNetwork, _ outcome: Outcome, to folder: String) throws {
    let input = net.model.input
    var tensors = [
      NamedTensor(
        name: "images", shape: [net.examples, input.height, input.width, input.channels], values: net.images),
      NamedTensor(name: "labels", shape: [net.examples], values: net.labels.map(Float.init)),
      NamedTensor(name: "losses", shape: [outcome.losses.count], values: outcome.losses.map(Float.init)),
    ]
    tensors += net.parameters.map { NamedTensor(name: "weights/\($0.name)", shape: $0.shape, values: $0.values) }
    tensors += outcome.gradients.map {
      NamedTensor(name: "gradients/\($0.name)", shape: $0.shape, values: $0.values)
    }
    try Safetensors.write(
      tensors, metadata: ["configuration": configuration(net).jsonText], to: "\(folder)/net-\(net.seed).safetensors")
  }
}
