internal import Configuration
internal import Datasets
internal import Diagnostics
internal import KernelBuilds
internal import KernelInterface
internal import Machine
internal import Network
internal import Runs
internal import Storage
internal import Training

/// A net, data, and how the one is trained on the other: what a configuration file holds, checked.
///
/// ```swift
/// let experiment = try Experiment(
///   model: Model(input: ImageSize(8, 8, 1), layers: [.flatten(), .dense(units: 10), .softmax()]),
///   data: .digits, training: TrainingSettings(epochs: 5))
/// let result = try await experiment.train()
/// ```
/// The same settings, data and seed give the same weights, bit for bit, whatever the number of workers and whatever
/// processor they run on, and the same as the command line with such a file. Nothing here reads the environment, prints,
/// or ends the process.
public struct Experiment: Sendable {
  let run: RunConfiguration
  let memory: MemoryExamples?
  let kernels: RuntimeSettings.Kernels?

  /// An experiment of the configuration's sections.
  /// - Parameters:
  ///   - name: what messages and exported files call it.
  ///   - seed: what all random numbers follow from: initial weights, order of the examples, augmentation, dropout.
  ///   - model: the net.
  ///   - data: where examples come from; they are read when they are needed.
  ///   - training: how the net is trained.
  ///   - runtime: how the machine is used.
  ///   - checkpoint: when training hands out its state.
  ///   - logging: how often training tells about itself.
  /// - Throws: ``LockstepError``: `.badConfiguration` with every wrong setting by its key path, such as
  ///   `model.layers[2].filters`, the value, and what is allowed.
  public init(
    name: String = "experiment", seed: Int = 1, model: Model, data: DataSettings = .digits,
    training: TrainingSettings = TrainingSettings(), runtime: RuntimeSettings = RuntimeSettings(),
    checkpoint: CheckpointSettings = CheckpointSettings(), logging: LoggingSettings = LoggingSettings()
  ) throws(LockstepError) {
    let text = JSONValue.section([
      ("name", name), ("seed", seed), ("model", model), ("data", data), ("training", training), ("runtime", runtime),
      ("checkpoint", checkpoint), ("logging", logging),
    ]).compactText
    run = try Self.quiet { () throws(UserError) in try ConfigurationReader.read(text: text, file: "the experiment") }
    (memory, kernels) = (data.memory, runtime.kernels)
  }

  /// The experiment of a configuration file, as the command line reads it, but without environment and flags.
  ///
  /// - Throws: ``LockstepError``: `.inputMissing` if the file cannot be read, else as the other initialiser.
  public init(contentsOf file: String) throws(LockstepError) {
    run = try Self.quiet { () throws(UserError) in try ConfigurationReader.read(file: file) }
    (memory, kernels) = (nil, nil)
  }

  private init(_ run: RunConfiguration, like other: Experiment) {
    (self.run, memory, kernels) = (run, other.memory, other.kernels)
  }

  /// Without what a run writes besides its results: the library leaves files to its callers.
  private static func quiet(_ read: () throws(UserError) -> RunConfiguration) throws(LockstepError) -> RunConfiguration
  {
    try translating {
      var run = try read()
      run.ledger.everySteps = 0
      return run
    }
  }

  /// The configuration as JSON with every default written out, which the command line reads; of examples in memory it
  /// only says that they are there.
  public var configuration: String { run.jsonText }

  /// The same experiment with numbers in place of every `.auto` of its data, measured on the training set.
  ///
  /// Everything that needs the numbers measures them itself; do it once if there is much to be done with weights.
  /// - Throws: ``LockstepError`` about the data.
  public func measured() async throws(LockstepError) -> Experiment {
    try await onOwnThread { Experiment(try run(measuredOn: nil), like: self) }
  }

  // MARK: For its functions

  /// What the sets are, read or out of memory.
  func loadData() throws -> (training: ImageDataset, test: ImageDataset?) {
    guard let memory else { return try run.loadData() }
    return (try memory.train.dataset(), try memory.test?.dataset())
  }

  /// The configuration with measured numbers; `training` is the training set, if it is at hand.
  func run(measuredOn training: ImageDataset?) throws -> RunConfiguration {
    guard run.data.measured != .none else { return run }
    return run.measured(on: try training ?? memory?.train.dataset() ?? run.loadTrainingData())
  }

  /// What the data calls the classes.
  var classNames: [String]? { memory == nil ? run.classNames() : memory?.train.classNames }

  func table() throws -> KernelTable { try KernelBuild.select(kernels?.rawValue, subject: "runtime.kernels") }

  /// The weights as the engine takes them.
  ///
  /// - Throws: `UserError(.badData)` unless they are those of the net, and finite.
  func checked(_ weights: Weights) throws -> [NamedTensor] {
    try weights.requireWhole()
    let tensors = weights.named
    try ParameterTable.of(run).requireMatch(tensors.map { ($0.name, $0.shape) }, subject: "weights")
    try tensors.requireFinite(source: "weights")
    return tensors
  }
}
