import Configuration
import Datasets
import Diagnostics
import Reporting
import Storage
import Training

extension CommandCall {
  /// What the data of a configuration, or at a path, is: counts by class, shapes, mean and deviation, and files that are
  /// damaged; with `--sheet` a picture of samples.
  func dataInfo() throws -> Int32 {
    let run = try describedConfiguration()
    let data = try run.loadData()
    warn(leftOut: data.training)
    warn(leftOut: data.test)
    let measured = run.measured(on: data.training)
    var summary = DataSummary(
      format: run.data.source.formatName, scale: measured.data.scale,
      training: DataSummary.Set(data.training, scale: measured.data.scale),
      test: data.test.map { DataSummary.Set($0, scale: measured.data.scale) },
      classNames: data.training.classNames)
    if let file = invocation.value(.sheet) {
      try requireNew(file, .sheet)
      let sheet = try SampleSheet(measured, data.training)
      try PNGFile.write(
        sheet.pixels, height: sheet.height, width: sheet.width, channels: sheet.channels, to: FilePlace(path: file))
      summary.sheet = .init(
        file: file, rows: sheet.rows, samples: sheet.samples, isAugmented: measured.data.augment.isOn)
    }
    try print(summary)
    return ExitCode.success
  }

  /// The data of a configuration, or at a path, as one archive of NumPy arrays.
  func dataConvert() throws -> Int32 {
    let file = invocation.value(.output) ?? ""
    try requireNew(file, .output)
    let run = try describedConfiguration()
    if case .imageFolder(let folders) = run.data.source, folders.resize != nil, !namesConfiguration {
      throw UserError(
        .badData, folders.train, "has images of several sizes; an array has images of one size",
        hint: "lockstep init writes a configuration with resize and crop for them; convert that")
    }
    let data = try run.loadData()
    warn(leftOut: data.training)
    warn(leftOut: data.test)
    let sets = [("train", data.training)] + (data.test.map { [("test", $0)] } ?? [])
    try NPZWriter().write(sets, classNames: data.training.classNames, to: FilePlace(path: file))
    try print(
      ConversionSummary(
        file: file, images: data.training.count, testImages: data.test?.count,
        shape: [data.training.height, data.training.width, data.training.channels], isBytes: data.training.bytes != nil,
        classNames: data.training.classNames))
    return ExitCode.success
  }

  /// Whether the word after the command is a configuration, by its name; else it is a path of data.
  private var namesConfiguration: Bool {
    let operand = invocation.configuration ?? ""
    return operand.hasSuffix(".json") || operand.hasSuffix(".json5") || operand.hasSuffix(".jsonc")
  }

  /// The configuration after the command, or one for the data there.
  private func describedConfiguration() throws(UserError) -> RunConfiguration {
    guard let operand = invocation.configuration, !namesConfiguration, try isData(operand) else {
      return try configuration()
    }
    return try draftedConfiguration(operand)
  }

  private func isData(_ path: String) throws(UserError) -> Bool {
    if try FolderHandle.open(path) != nil { return true }
    guard let input = try? ByteInput(path: path), let start = try? input.read(min(1, input.length)) else {
      return false
    }
    // A configuration begins with a brace, a comment or white space.
    return !start.allSatisfy { "{/ \t\r\n\u{FEFF}".utf8.contains($0) }
  }

  private func requireNew(_ file: String, _ flag: Flag) throws(UserError) {
    guard try FilePlace(path: file).exists(), !invocation.has(.overwrite) else { return }
    throw UserError(.usage, flag.text, "\(file) is there already", hint: "--overwrite replaces it")
  }
}

extension DataSummary.Set {
  fileprivate init(_ data: ImageDataset, scale: Double) {
    let statistics = PixelStatistics(data, scale: scale)
    var perClass = [Int](repeating: 0, count: data.classCount)
    for index in 0..<data.count { perClass[Int(data.labels[index])] += 1 }
    self.init(
      examples: data.count, height: data.height, width: data.width, channels: data.channels,
      isBytes: data.bytes != nil, perClass: perClass, mean: statistics.mean, std: statistics.std,
      leftOut: data.leftOut.map { "\($0.subject): \($0.message)" })
  }
}
