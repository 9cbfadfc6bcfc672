import Collectives
import Configuration
import Datasets
import KernelInterface
import Machine
import Network
import Storage
import TestSupport

@testable import Training

/// A training run by what tests vary; everything else is small and fixed.
struct TestRun {
  var model: ModelSpecification
  var seed: UInt64 = 1
  var epochs = 2
  var batchSize = 50
  var shuffle = true
  var learningRate = 0.05
  var momentum = 0.9
  var nesterov = false
  var weightDecay = 0.0
  var workers = 2
  var shardSize = 16
  var policy: RuntimeConfiguration.Policy = .none
  var everySteps = 1
  var scale = 1.0 / 255
  /// `nil` for `testKernels`.
  var kernels: KernelTable?
  /// The machine to plan for; `nil` is this one.
  var topology: Topology?
  var memory = MemoryConfiguration()
  var memoryFill: UInt8?
  /// Whether ranks exchange while they compute.
  var overlaps = true
  var initialWeights: [NamedTensor]?
  /// Replaces the optimizer that the numbers above describe.
  var optimizer: OptimizerConfiguration?
  /// Changes what else there is in the `training` section.
  var training: @Sendable (inout TrainingConfiguration) -> Void = { _ in }

  init(_ model: ModelSpecification) { self.model = model }

  /// A copy with one or more properties changed.
  func with(_ change: (inout TestRun) -> Void) -> TestRun {
    var copy = self
    change(&copy)
    return copy
  }

  var configuration: RunConfiguration {
    var run = RunConfiguration(
      name: "test", seed: seed, model: model,
      data: DataConfiguration(source: .embeddedDigits, scale: scale, mean: [0], std: [1]),
      training: TrainingConfiguration(
        epochs: epochs, batchSize: batchSize, shuffle: shuffle,
        optimizer: OptimizerConfiguration(
          learningRate: learningRate, momentum: momentum, nesterov: nesterov, weightDecay: weightDecay),
        learningRateSchedule: .constant),
      runtime: RuntimeConfiguration(
        workers: .count(workers), shardSize: shardSize, policy: policy, nodes: nil, useSMT: false, memory: memory),
      checkpoint: CheckpointConfiguration(everyEpochs: 0),
      logging: LoggingConfiguration(everySteps: everySteps))
    run.runtime.mpi.overlap = overlaps
    if let optimizer { run.training.optimizer = optimizer }
    training(&run.training)
    return run
  }

  func trainer(_ data: TestData, _ job: Job? = nil) throws -> Trainer {
    let trainer = try Trainer(
      configuration: configuration, topology: try topology ?? machine(), kernels: kernels ?? testKernels,
      training: data.train, test: data.test, initialWeights: initialWeights, job: job)
    trainer.options.memoryFill = memoryFill
    return trainer
  }

  /// Trains to the end.
  @discardableResult
  func train(_ data: TestData, observer: (TrainingEvent) throws -> Void = { _ in }) throws -> TrainingSummary {
    try trainer(data).run(stop: StopFlag(), observer: observer)
  }

  func digest(_ data: TestData) throws -> String { try train(data).weightsDigest }
}

/// Examples to train and to test with.
struct TestData: Sendable {
  var train: ImageDataset
  var test: ImageDataset?

  /// The real digits: 1437 and 360.
  static let digits: TestData = {
    guard let data = try? ImageDataset.embeddedDigits() else { fatalError("The embedded digits cannot be read.") }
    return TestData(train: data.train, test: data.test)
  }()

  /// The first `count` digits in file order.
  static func firstDigits(_ count: Int, test: Bool = false) throws -> TestData {
    let all = digits.train
    guard let bytes = all.bytes else { fatalError("The embedded digits are bytes.") }
    let size = all.height * all.width * all.channels
    return TestData(
      train: try ImageDataset(
        height: all.height, width: all.width, channels: all.channels, classCount: 10,
        bytes: (0..<count * size).map { bytes[$0] }, labels: (0..<count).map { all.labels[$0] }),
      test: test ? digits.test : nil)
  }

  /// Learnable random images of the shape that `model` takes.
  static func synthetic(_ model: ModelSpecification, _ examples: Int, classes: Int, tests: Int = 0) throws -> TestData {
    let input = model.input
    func data(_ examples: Int, _ split: ImageDataset.Split) throws -> ImageDataset {
      try ImageDataset.synthetic(
        examples: examples, height: input.height, width: input.width, channels: input.channels, classes: classes,
        seed: 5, split: split)
    }
    return TestData(train: try data(examples, .train), test: tests > 0 ? try data(tests, .test) : nil)
  }
}

/// The machine the tests run on, read once.
func machine() throws -> Topology { try machineResult.get() }
private let machineResult = Result { try Topology.read() }

/// A small perceptron for tests of the trainer itself.
let smallModel = ModelSpecification(
  input: ImageShape(height: 4, width: 4, channels: 1),
  layers: TestNetworks.named([.flatten, .dense(units: 8), .relu, .dense(units: 3), .softmax]))

extension TestNetworks {
  /// The digits net with the frameworks' tie rule.
  static let digitsTiesFirst = ModelSpecification(
    input: digits.input,
    layers: digits.layers.map {
      $0.kind == .maxPool2d(ties: .all) ? LayerSpecification(name: $0.name, kind: .maxPool2d(ties: .first)) : $0
    })

  /// Average pooling alone, after a ReLU and after a bare convolution.
  static let averagePools = ModelSpecification(
    input: ImageShape(height: 8, width: 12, channels: 2),
    layers: named([
      conv(6, 3), .relu, .averagePool2d, conv(5, 3), .averagePool2d, .flatten, .dense(units: 4), .softmax,
    ]))

  /// lenet's sequence of layers, narrow enough for the naive twins.
  static let narrowLenet = ModelSpecification(
    input: ImageShape(height: 12, width: 12, channels: 1),
    layers: named([
      conv(6, 5), .relu, .maxPool2d(ties: .all), conv(10, 5), .relu, .averagePool2d, .flatten, .dense(units: 24),
      .relu, .dense(units: 10), .softmax,
    ]))
}
