import Configuration
import Datasets
import Diagnostics
import Testing

@testable import Training

@Suite struct PixelStatisticsTests {
  private func configuration(_ data: String) throws -> RunConfiguration {
    let layers = "{ type: 'flatten' }, { type: 'dense', units: 2 }, { type: 'softmax' }"
    return try ConfigurationReader.read(
      text: "{ model: { input: [1, 2, 2], layers: [\(layers)] }, data: { \(data) } }", file: "/net.json")
  }

  private func bytes(_ pixels: [UInt8]) throws -> ImageDataset {
    try ImageDataset(
      height: 1, width: 2, channels: 2, classCount: 2, bytes: pixels,
      labels: [Int32](repeating: 0, count: pixels.count / 4))
  }

  @Test("bytes: the scale is 1/255, mean and deviation are each channel's")
  func bytes() throws {
    let data = try bytes([0, 7, 255, 7, 51, 7, 102, 7])
    let run = try configuration("scale: 'auto', mean: 'auto', std: 'auto'").measured(on: data)
    #expect(run.data.scale == 1.0 / 255)
    #expect(abs(run.data.mean[0] - 0.4) < 1e-15 && abs(run.data.mean[1] - 7.0 / 255) < 1e-15)
    // Of 0, 1, 0.2 and 0.4.
    #expect(abs(run.data.std[0] - 0.14.squareRoot()) < 1e-15)
    #expect(run.data.std[1] == 1, "a constant channel")
    #expect(run.data.measured == .none)
  }

  @Test("only what says auto is measured, with the scale that is given")
  func some() throws {
    let data = try bytes([0, 7, 255, 7, 51, 7, 102, 7])
    let run = try configuration("scale: 2, mean: [5], std: 'auto'").measured(on: data)
    #expect(run.data.scale == 2 && run.data.mean == [5, 5])
    #expect(abs(run.data.std[0] - 510 * 0.14.squareRoot()) < 1e-12)
    let plain = try configuration("mean: [5]")
    #expect(plain.measured(on: data) == plain)
  }

  @Test("floats: the scale makes the largest magnitude 1")
  func floats() throws {
    let data = try ImageDataset(
      height: 1, width: 2, channels: 2, classCount: 2, floats: [-4, 1, 2, 1, 2, 3, 0, 3], labels: [0, 1])
    let run = try configuration("scale: 'auto', mean: 'auto', std: 'auto'").measured(on: data)
    #expect(run.data.scale == 0.25)
    #expect(run.data.mean == [0, 0.5])
    #expect(run.data.std == [Double(6).squareRoot() / 4, 0.25])
  }

  @Test("many bytes are summed without loss")
  func many() throws {
    let pixels = (0..<400_000).map { UInt8($0 % 4 == 0 ? 255 : $0 % 4 == 1 ? 254 : $0 % 4 == 2 ? 255 : 255) }
    let run = try configuration("scale: 1, mean: 'auto', std: 'auto'").measured(on: try bytes(pixels))
    #expect(run.data.mean == [255, 254.5])
    #expect(run.data.std == [1, 0.5])
  }
}
