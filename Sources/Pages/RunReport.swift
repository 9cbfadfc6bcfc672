import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Runs
import Storage
import Training

/// The report of a run that has ended: what must be known from its trainer, which may then be gone.
package struct RunReport {
  private let configuration: RunConfiguration
  private let topology: Topology
  private let kernels: KernelTable
  private let training: ImageDataset
  private let test: ImageDataset?
  private let description: RunDescription
  private let times: [WorkerTimes]
  private let weights: [NamedTensor]
  private let weightsDigest: String
  private let isInterrupted: Bool

  private static let mostSamples = 18

  /// - Parameter trainer: after its run.
  package init(
    _ trainer: Trainer, _ configuration: RunConfiguration, topology: Topology, kernels: KernelTable,
    training: ImageDataset, test: ImageDataset?, summary: TrainingSummary
  ) {
    self.configuration = configuration
    self.topology = topology
    self.kernels = kernels
    self.training = training
    self.test = test.flatMap { $0.count > 0 ? $0 : nil }
    description = trainer.description
    times = trainer.workerTimes
    weights = trainer.weights()
    weightsDigest = summary.weightsDigest
    isInterrupted = summary.interrupted
  }

  /// Evaluates the test set, unless the run was interrupted, and writes `report.json` and `report.html`.
  ///
  /// - Throws: `UserError` if the evaluation fails, or if a file cannot be written or is there and somebody else's.
  package func write(to directory: RunDirectory) throws {
    var evaluation: RunEvaluation?
    if let test, !isInterrupted {
      let predictor = try Predictor(
        configuration: configuration, topology: topology, kernels: kernels, weights: weights)
      evaluation = try RunEvaluation(test, by: predictor)
    }
    let findings = RunFindings(
      description, topology, weightsDigest: weightsDigest, times: times,
      samples: try TrainingSample.spread(Self.mostSamples, over: training, configuration), evaluation: evaluation,
      training: training, classNames: training.classNames)
    let place = try directory.place(of: RunFindings.file)
    try Page.requireOwn(place, startsWith: RunFindings.mark)
    try AtomicFile.write(findings.json.compactText + "\n", to: place)
    try RunPage.read([directory.path]).write(to: directory.place(of: RunPage.file))
  }
}
