import Configuration
import Datasets
import Diagnostics
import Reporting
import Training

extension CommandCall {
  /// What the data of a configuration is: counts by class, shapes, mean and deviation, and files that are damaged.
  func dataInfo() throws -> Int32 {
    let run = try configuration()
    let data = try run.loadData()
    warn(leftOut: data.training)
    warn(leftOut: data.test)
    let measured = run.measured(on: data.training)
    try print(
      DataSummary(
        format: run.data.source.formatName, scale: measured.data.scale,
        training: DataSummary.Set(data.training, scale: measured.data.scale),
        test: data.test.map { DataSummary.Set($0, scale: measured.data.scale) },
        classNames: data.training.classNames))
    return ExitCode.success
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
