// Trains a small net twice, for the epochs of the first and of the second argument, and prints how many times workers
// allocated memory in each run: `<steps> <allocations>` in a line.

import Datasets
import Machine
import Network
import Training

func configuration(epochs: Int) -> RunConfiguration {
  let kinds: [LayerKind] = [
    .conv2d(filters: 4, kernelSize: 3, padding: .same, algorithm: .direct), .relu, .maxPool2d(ties: .all),
    .conv2d(filters: 20, kernelSize: 3, padding: .same, algorithm: .winograd), .relu, .averagePool2d, .flatten,
    .dense(units: 10), .softmax,
  ]
  return RunConfiguration(
    name: "probe", seed: 1,
    model: ModelSpecification(
      input: ImageShape(height: 8, width: 8, channels: 1),
      layers: kinds.enumerated().map { LayerSpecification(name: "layer_\($0.offset)", kind: $0.element) }),
    data: DataConfiguration(source: .embeddedDigits, scale: 1.0 / 255, mean: [0], std: [1]),
    training: TrainingConfiguration(
      epochs: epochs, batchSize: 9, shuffle: true,
      optimizer: SGDConfiguration(learningRate: 0.01, momentum: 0.9, nesterov: false, weightDecay: 0),
      learningRateSchedule: .constant),
    // Shards of 2 in 5 and 1 parts: worker runs of several tree nodes, and workers without work.
    runtime: RuntimeConfiguration(workers: .count(3), shardSize: 2, policy: .none, nodes: nil, useSMT: false),
    checkpoint: CheckpointConfiguration(everyEpochs: 1, keepLast: 1),
    logging: LoggingConfiguration(everySteps: 1 << 40))
}

func data(_ examples: Int, _ split: ImageDataset.Split) throws -> ImageDataset {
  try ImageDataset.synthetic(
    examples: examples, height: 8, width: 8, channels: 1, classes: 10, seed: 1, split: split)
}

startCounting()
let topology: Topology = try Topology.read()
let training: ImageDataset = try data(20, .train)
let test: ImageDataset = try data(5, .test)
for argument in CommandLine.arguments.dropFirst() {
  guard let epochs: Int = Int(argument) else { fatalError("\(argument) is not a number of epochs.") }
  let trainer: Trainer = try Trainer(
    configuration: configuration(epochs: epochs), topology: topology, training: training, test: test,
    initialWeights: nil)
  let before: Int = workerAllocations()
  let summary: TrainingSummary = try trainer.run(stop: StopFlag()) { _ in }
  print(summary.steps, workerAllocations() - before)
}
