import Configuration
import Network
import Storage
import TestSupport
import Testing

@testable import Training

/// Ten steps by each rule on digits in file order against float64 PyTorch; see Tests/Fixtures/golden/README.md.
@Suite("Ten steps of every optimizer against float64 PyTorch")
struct GoldenOptimizerTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var optimizer: OptimizerConfiguration
    var clipNorm: Double?
    var labelSmoothing = 0.0
    /// Whether conv2d_1 is left as it is and dense_2 trained three times as fast.
    var differsByLayer = false
    var testDescription: String { name }

    var change: @Sendable (inout TrainingConfiguration) -> Void {
      { [clipNorm, labelSmoothing] in ($0.clipNorm, $0.labelSmoothing) = (clipNorm, labelSmoothing) }
    }
  }

  /// The list of make_optimizers.py.
  static let cases: [Case] = [
    Case(name: "adam", optimizer: optimizer(.adam, 0.003)),
    Case(
      name: "adam-decay",
      optimizer: optimizer(.adam, 0.003) {
        ($0.betas, $0.epsilon, $0.weightDecay) = ([0.8, 0.99], 1e-4, 0.01)
      }),
    Case(name: "adamw", optimizer: optimizer(.adamw, 0.003) { $0.weightDecay = 0.2 }),
    Case(name: "rmsprop", optimizer: optimizer(.rmsprop, 0.001)),
    Case(
      name: "rmsprop-centered",
      optimizer: optimizer(.rmsprop, 0.001) {
        ($0.alpha, $0.epsilon, $0.momentum, $0.centered, $0.weightDecay) = (0.9, 1e-3, 0.5, true, 0.01)
      }),
    Case(
      name: "lars",
      optimizer: optimizer(.lars, 2) {
        ($0.momentum, $0.trustCoefficient, $0.weightDecay, $0.normWeightDecay) = (0.9, 0.01, 0.01, 0)
      }),
    Case(
      name: "sgd-norm-decay",
      optimizer: optimizer(.sgd, 0.05) { ($0.momentum, $0.weightDecay, $0.normWeightDecay) = (0.9, 0.02, 0.3) }),
    Case(
      name: "sgd-clip", optimizer: optimizer(.sgd, 0.05) { ($0.momentum, $0.weightDecay) = (0.9, 0.001) },
      clipNorm: 0.7),
    Case(name: "sgd-smoothing", optimizer: optimizer(.sgd, 0.05) { $0.momentum = 0.9 }, labelSmoothing: 0.1),
    Case(
      name: "sgd-layers", optimizer: optimizer(.sgd, 0.05) { ($0.momentum, $0.weightDecay) = (0.9, 0.001) },
      differsByLayer: true),
    Case(
      name: "adamw-clip", optimizer: optimizer(.adamw, 0.003) { ($0.epsilon, $0.weightDecay) = (0.01, 0.01) },
      clipNorm: 0.5),
  ]

  private static func optimizer(
    _ rule: OptimizerConfiguration.Rule, _ rate: Double, _ change: (inout OptimizerConfiguration) -> Void = { _ in }
  ) -> OptimizerConfiguration {
    var optimizer = OptimizerConfiguration(rule, learningRate: rate)
    change(&optimizer)
    return optimizer
  }

  private static let model = ModelSpecification(
    input: ImageShape(height: 8, width: 8, channels: 1),
    layers: TestNetworks.named([
      .conv2d(filters: 6, kernelSize: 3, padding: .same, algorithm: .direct), .relu, .maxPool2d(ties: .first),
      .conv2d(filters: 8, kernelSize: 3, padding: .same, algorithm: .direct), .relu, .maxPool2d(ties: .first),
      .flatten, .dense(units: 16), .relu, .dense(units: 10), .softmax,
    ]))

  /// Largest difference to the case's tensors, as a share of the distance that each tensor moved.
  private func error(_ run: Case, of name: String, workers: Int) throws -> Double {
    let initial = try Safetensors.read(fixture("golden/optimizers-initial.safetensors")).tensors
    let golden = try Golden("optimizers")
    var model = Self.model
    if run.differsByLayer {
      for index in model.layers.indices {
        if model.layers[index].name == "conv2d_1" { model.layers[index].isTrainable = false }
        if model.layers[index].name == "dense_2" { model.layers[index].rateScale = 3 }
      }
    }
    let trainer = try TestRun(model).with {
      ($0.batchSize, $0.epochs, $0.shuffle, $0.workers) = (32, 1, false, workers)
      ($0.optimizer, $0.initialWeights) = (run.optimizer, initial)
      $0.training = run.change
    }.trainer(try .firstDigits(320))
    #expect(try trainer.run(stop: StopFlag()) { _ in }.steps == 10)
    var worst = 0.0
    for tensor in trainer.weights() {
      let start = try #require(initial.first { $0.name == tensor.name }).values
      let end = golden.floats("\(name).\(tensor.name)")
      if run.differsByLayer, tensor.name.hasPrefix("conv2d_1") { #expect(tensor.values == start) }
      let moved = Self.distance(end, start)
      if moved > 0 { worst = max(worst, Self.distance(tensor.values, end) / moved) }
    }
    return worst
  }

  private static func distance(_ a: [Float], _ b: [Float]) -> Double {
    precondition(a.count == b.count, "Tensors of different sizes are compared.")
    return zip(a, b).map { abs(Double($0) - Double($1)) }.max() ?? 0
  }

  @Test("every parameter agrees", arguments: cases, [1, 3])
  func agrees(run: Case, workers: Int) throws {
    #expect(try error(run, of: run.name, workers: workers) < 1e-4)
  }

  @Test("a run by another rule does not agree", arguments: cases)
  func fixtureIsSharp(run: Case) throws {
    var others: [Case] = Self.cases.filter { $0.name != run.name }
    var weaker = run
    weaker.optimizer.learningRate *= 1.001
    others.append(weaker)
    for other in others { #expect(try error(other, of: run.name, workers: 1) > 5e-4, "\(other.name)") }
  }
}
