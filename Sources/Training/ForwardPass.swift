import Datasets
import Diagnostics
import Machine
import Network
import Storage

/// Workers with the weights of a network, ready to evaluate parts of a data set.
struct ForwardPass {
  let session: Session
  /// The most examples of one `forward`.
  let examplesAtATime: Int
  private let dataset: ImageDataset
  private let source: String

  /// - Parameter source: what errors call the data set.
  init(
    _ plan: RunPlan, _ dataset: ImageDataset, source: String, weights: [NamedTensor], examplesAtATime: Int
  ) throws {
    session = try Session(plan, start: .weights(weights, source: "weights"), evaluatedExamples: examplesAtATime)
    self.dataset = dataset
    self.source = source
    self.examplesAtATime = examplesAtATime
  }

  var plan: RunPlan { session.plan }

  /// Evaluates `examples`; losses and hits of their shards are then in the session's sums.
  ///
  /// `probabilities` receives [examples, classes] where given.
  func forward(_ examples: Range<Int>, probabilities: UnsafeMutablePointer<Float>?) throws {
    // Written by the worker of each example alone, read after all have finished.
    nonisolated(unsafe) let target = probabilities
    try session.run { [dataset] worker in worker.evaluate(dataset, examples, probabilities: target) }
  }

  /// The error about the first of `examples`, evaluated before, whose result is not finite: names what was lost first.
  func lost(_ examples: Range<Int>) throws -> UserError {
    let network = try NetworkPlan(plan.configuration.model, capacity: ImageCapacity(shard: 1))
    let memory = try NodeBuffer(byteCount: Workspace.byteCount(network), purpose: "the activations of one example")
    let workspace = Workspace(network, memory: memory.pointer)
    let inputs = PassInputs(
      weights: session.shared.weights, prepared: session.shared.prepared, kernels: plan.kernels, isInference: true)
    for example in examples {
      let input = network.input(workspace, image: 0, of: 0..<1)
      session.normalization.load(dataset, example: example, into: input.pixels, row: input.row, pixel: input.pixel)
      workspace.describe(image: 0, example: example, label: dataset.labels[example])
      let layer = network.firstNotFinite(workspace, inputs)
      guard let what = layer ?? (workspace.losses[0].isFinite ? nil : "the loss") else { continue }
      return UserError(
        .diverged, source, "\(what) for image \(example) is not finite",
        hint: "the weights are finite, but too large, or data.scale, data.mean and data.std do not fit them")
    }
    return UserError(.diverged, source, "the sum of the losses is not finite")
  }
}
