import Configuration
import Datasets
import Diagnostics
import Machine
import Reporting
import Runs
import Storage
import Training

extension CommandCall {
  /// Loss, accuracy and numbers by class of `--weights` on `data.test`.
  func evaluate() throws -> Int32 {
    let run = try measuredConfiguration()
    // Weights that name their classes need no training folder to number those of a test folder.
    var file: WeightsFile?
    if case .imageFolder = run.data.source { file = try weights(run) }
    guard let test = try run.loadTestData(classNames: file?.classNames) else {
      throw UserError(
        .badConfiguration, "data.test", "is missing; evaluating needs a test set")
    }
    warn(leftOut: test)
    let weights = try file ?? weights(run)
    var summary = try predictor(run, weights).evaluate(test)
    summary.classNames = weights?.classNames ?? test.classNames
    try print(summary)
    return ExitCode.success
  }

  /// One line per image of `--images`, as they are computed, to standard output or `--output`; then, how many.
  func predict() throws -> Int32 {
    let run = try measuredConfiguration()
    let (top, format) = (try top(), try format())
    let paths = invocation.values(.images)
    var damaged = ImageDataset.DamagedFiles.fail
    if case .imageFolder(let folders) = run.data.source, folders.onError == .skip { damaged = .skip }
    let images = try ImageDataset.images(at: paths, fit: run.imageFit, damaged: damaged)
    warn(leftOut: images)
    let weights = try weights(run)
    let predictor = try predictor(run, weights)
    try predictor.requireFits(images, source: paths.count == 1 ? paths[0] : "images")
    let form = PredictionLine(format: format, top: top, classNames: weights?.classNames ?? run.classNames())
    let file: LineFile? = try invocation.value(.output).map { try LineFile(path: $0, start: .empty) }
    func write(_ line: String) throws {
      if let file {
        try file.append(line)
      } else {
        try StandardStreams.result(line + "\n")
      }
    }
    if let header = form.header(classes: predictor.classes) { try write(header) }
    try predictor.predict(images, source: paths[0]) { index, probabilities in
      let name = images.files.isEmpty ? nil : images.files[index]
      try write(form.text(index: index, file: name, probabilities: probabilities))
    }
    guard let file else { return ExitCode.success }
    try file.flush()
    try print(PredictionSummary(examples: images.count, file: file.path))
    return ExitCode.success
  }

  /// The configuration, with values measured on the training set where it asks for that.
  func measuredConfiguration() throws -> RunConfiguration {
    let run = try configuration()
    return run.data.measured == .none ? run : run.measured(on: try run.loadTrainingData())
  }

  private func top() throws(UserError) -> Int? {
    guard let text = invocation.value(.top) else { return nil }
    guard let count = Int(text), (1...65536).contains(count) else {
      throw UserError(.usage, "--top", "found \(text); allowed: an integer from 1 to 65536")
    }
    return count
  }

  private func format() throws(UserError) -> PredictionLine.Format {
    guard let text = invocation.value(.format) else { return .jsonl }
    guard let format = PredictionLine.Format(rawValue: text) else {
      let words = PredictionLine.Format.allCases.map(\.rawValue)
      throw UserError(
        .usage, "--format", "found \(text); allowed: \(words.joined(separator: ", "))",
        hint: NearestName.suggestion(for: text, among: words).map { "the nearest is \($0)" })
    }
    return format
  }

  private func predictor(_ run: RunConfiguration, _ weights: WeightsFile?) throws -> Predictor {
    try Predictor(
      configuration: run, topology: try Topology.read(), kernels: try kernels(), weights: weights?.tensors ?? [],
      source: invocation.value(.weights) ?? "weights")
  }
}
