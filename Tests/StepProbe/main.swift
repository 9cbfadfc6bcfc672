// Trains a configuration for a few steps with one worker and the AVX2 kernels, planned for one small machine wherever it
// runs, so that an instruction counter counts the same work every time: `StepProbe CONFIG BATCH STEPS`. See .ci/check-work.

import Configuration
import Datasets
import KernelBuilds
import Machine
import Training

let arguments: [String] = Array(CommandLine.arguments.dropFirst())
guard arguments.count == 3, let batch = Int(arguments[1]), let steps = Int(arguments[2]) else {
  fatalError("Allowed: StepProbe CONFIG BATCH STEPS.")
}

/// One core with 32 KiB and 1 MiB of caches, by which kernels choose their blocks.
let topology = Topology(
  nodes: [.init(id: 0, cpus: [0], memoryBytes: 1 << 30, distances: [10])],
  cores: [.init(cpus: [0], node: 0, package: 0, lastLevelCache: 0)], lastLevelCaches: [[0]],
  caches: [.init(level: 1, bytes: 32 << 10, sharedBy: [0]), .init(level: 2, bytes: 1 << 20, sharedBy: [0])],
  usable: .init(cpus: [0], quota: nil, reasons: []))

/// One step an epoch, after which the weights are not hashed, as they are only every few steps of a real run.
let settings: [String: String] = [
  "training.batch_size": "\(batch)", "training.epochs": "\(steps)", "data.examples": "\(batch)",
  "data.test_examples": "0", "runtime.workers": "1", "runtime.placement.policy": "none", "checkpoint.every_epochs": "0",
  "ledger.every_steps": "0", "logging.every_steps": "1000000",
]
let configuration = try ConfigurationReader.read(
  file: arguments[0],
  flags: settings.sorted { $0.key < $1.key }.map {
    ConfigurationOverride(path: $0.key, text: $0.value, origin: $0.key)
  })
let trainer = try Trainer(
  configuration: configuration, topology: topology, kernels: try KernelBuild.select("avx2", subject: "StepProbe"),
  training: try configuration.loadTrainingData(), test: nil, initialWeights: nil)
print(try trainer.run(stop: StopFlag()) { _ in }.steps)
