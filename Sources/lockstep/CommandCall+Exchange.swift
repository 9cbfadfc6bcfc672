import Configuration
import Diagnostics
import Exchange
import Network
import Reporting
import Runs
import Storage
import Training

extension CommandCall {
  /// `--weights` for other programs, in `--output`.
  func export() throws -> Int32 {
    let format = try exportFormat()
    // The numbers of `"auto"` are part of an ONNX model.
    let run = format == .onnx ? try measuredConfiguration() : try configuration()
    let pixels: ONNXExport.Pixels = try choice(of: .pixels) ?? .u8
    for flag: Flag in [.pixels, .foldNorms] where invocation.has(flag) && format != .onnx {
      throw UserError(.usage, flag.text, "is given with --format \(format.name); allowed: with onnx")
    }
    let file = try outputFile()
    let source = try self.weights(run)
    let weights = source?.tensors ?? []
    let digest = WeightsDigest.of(weights)
    var summary = ExportSummary(
      format: format.name, file: file, values: weights.reduce(0) { $0 + $1.values.count }, weightsDigest: digest)
    switch format {
    case .onnx:
      var export = ONNXExport(
        pixels: pixels, foldsNorms: invocation.has(.foldNorms), producerVersion: ProgramVersion.current,
        metadata: [("weights_digest", digest)])
      export.classNames = source?.classNames ?? run.classNames()
      try export.model(run, weights: weights).write(to: file)
      summary.opset = ONNXModel.opset
    case .weights(let format):
      try WeightsExport.write(weights, format, try ModelGraph(run.model), try ParameterTable.of(run), to: file)
    }
    try print(summary)
    return ExitCode.success
  }

  /// The weights in the file of another framework as those of `--config`'s network.
  func importWeights() throws -> Int32 {
    let run = try configuration()
    guard let format: WeightFormat = try choice(of: .format) else { return ExitCode.success }
    let file = try outputFile()
    let table = try ParameterTable.of(run)
    let found = try WeightsImport(
      invocation.configuration ?? "", format, try ModelGraph(run.model), table, newHead: invocation.has(.newHead))
    var new: [String] = []
    let weights = zip(table.parameters, found.values).enumerated().map { index, pair in
      let (parameter, values) = pair
      if values == nil { new.append(parameter.name) }
      return NamedTensor(
        name: parameter.name, shape: parameter.shape,
        values: values ?? InitialWeights.values(of: parameter, index: index, seed: run.seed))
    }
    let digest = try WeightsFile.write(weights, to: FilePlace(path: file))
    try print(
      ImportSummary(
        format: format.rawValue, file: file, tensors: weights.count, new: new, ignored: found.ignored,
        weightsDigest: digest))
    return ExitCode.success
  }

  /// What `export` writes.
  private enum ExportFormat: Equatable {
    case onnx
    case weights(WeightFormat)

    static let all: [ExportFormat] = [.onnx] + WeightFormat.exported.map { .weights($0) }

    var name: String {
      switch self {
      case .onnx: "onnx"
      case .weights(let format): format.rawValue
      }
    }
  }

  private func exportFormat() throws(UserError) -> ExportFormat {
    let name = invocation.value(.format) ?? ExportFormat.onnx.name
    guard let format = ExportFormat.all.first(where: { $0.name == name }) else {
      throw unknown(.format, name, ExportFormat.all.map(\.name))
    }
    return format
  }

  /// The word of a flag that takes one of a few; `nil` without the flag.
  private func choice<Choice: RawRepresentable<String> & CaseIterable>(of flag: Flag) throws(UserError) -> Choice? {
    guard let word = invocation.value(flag) else { return nil }
    guard let choice = Choice(rawValue: word) else { throw unknown(flag, word, Choice.allCases.map(\.rawValue)) }
    return choice
  }

  private func unknown(_ flag: Flag, _ word: String, _ allowed: [String]) -> UserError {
    UserError(
      .usage, flag.text, "found \(word); allowed: \(allowed.joined(separator: ", "))",
      hint: NearestName.suggestion(for: word, among: allowed).map { "the nearest is \($0)" })
  }

  /// The file of `--output`.
  /// - Throws: `UserError(.usage)` if it is there and may not be replaced.
  private func outputFile() throws(UserError) -> String {
    let file = invocation.value(.output) ?? ""
    guard try FilePlace(path: file).exists(), !invocation.has(.overwrite) else { return file }
    throw UserError(.usage, "--output", "\(file) is there already", hint: "--overwrite replaces it")
  }
}
