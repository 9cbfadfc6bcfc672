import Configuration
import Datasets
import Diagnostics
import Machine
import Reporting
import Storage
import Training

extension CommandCall {
  /// Loss and accuracy of `--weights` on `data.test`.
  func evaluate() throws -> Int32 {
    let run = try configuration()
    guard let test = try run.loadTestData() else {
      throw UserError(
        .badConfiguration, "data.test", "is missing; evaluating needs a test set")
    }
    warn(leftOut: test)
    try print(try predictor(run).evaluate(test))
    return ExitCode.success
  }

  /// One JSON line per image of `--images`, as they are computed, to standard output or `--output`; then, how many.
  func predict() throws -> Int32 {
    let run = try configuration()
    let path = invocation.value(.images) ?? ""
    let images = try ImageDataset.images(idx: path)
    let predictor = try predictor(run)
    try predictor.requireFits(images, source: path)
    let file: LineFile? = try invocation.value(.output).map { try LineFile(path: $0, start: .empty) }
    try predictor.predict(images, source: path) { index, probabilities in
      let line = PredictionLine.text(index: index, probabilities: probabilities)
      if let file {
        try file.append(line)
      } else {
        try StandardStreams.result(line + "\n")
      }
    }
    guard let file else { return ExitCode.success }
    try file.flush()
    try print(PredictionSummary(examples: images.count, file: file.path))
    return ExitCode.success
  }

  private func predictor(_ run: RunConfiguration) throws -> Predictor {
    try Predictor(
      configuration: run, topology: try Topology.read(), kernels: try kernels(), weights: try weights(run) ?? [],
      source: invocation.value(.weights) ?? "weights")
  }
}
