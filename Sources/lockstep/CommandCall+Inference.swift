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
    let run: RunConfiguration = try configuration()
    guard let test: ImageDataset = try run.loadTestData() else {
      throw UserError(
        .badConfiguration, "data.test", "is missing; allowed: { images: FILE, labels: FILE } to evaluate on")
    }
    try print(try predictor(run).evaluate(test))
    return ExitCode.success
  }

  /// One JSON line per image of `--images`, to standard output or `--output`.
  func predict() throws -> Int32 {
    let run: RunConfiguration = try configuration()
    let images: ImageDataset = try ImageDataset.images(idx: invocation.value(.images) ?? "")
    let predictor: Predictor = try predictor(run)
    let file: LineFile? = try invocation.value(.output).map { try LineFile(path: $0, start: .empty) }
    let probabilities: [Float] = try predictor.probabilities(images)
    let classes: Int = images.count == 0 ? 0 : probabilities.count / images.count
    for index: Int in 0..<images.count {
      let line: String = PredictionLine.text(
        index: index, probabilities: probabilities[index * classes..<(index + 1) * classes])
      if let file: LineFile {
        try file.append(line)
      } else {
        try StandardStreams.result(line + "\n")
      }
    }
    try file?.flush()
    return ExitCode.success
  }

  private func predictor(_ run: RunConfiguration) throws -> Predictor {
    try Predictor(
      configuration: run, topology: try Topology.read(), weights: try weights() ?? [],
      source: invocation.value(.weights) ?? "weights")
  }
}
