import Configuration
import Datasets
import TestSupport
import Testing

@testable import Training

@Suite struct SampleSheetTests {
  /// Four images of 1×2 pixels in two classes, and one class without any.
  private func data() throws -> ImageDataset {
    try ImageDataset(
      height: 1, width: 2, channels: 1, classCount: 3, bytes: [10, 20, 30, 40, 50, 60, 70, 80], labels: [2, 0, 2, 2])
  }

  private func run(_ change: (inout RunConfiguration) -> Void) -> RunConfiguration {
    var run = TestRun(TestNetworks.digits).configuration
    (run.data.mean, run.data.std) = ([0.25], [0.5])
    change(&run)
    return run
  }

  @Test("images stand in the row of their class, as they are")
  func plain() throws {
    let sheet = try SampleSheet(run { _ in }, try data())
    #expect(sheet.rows == [0, 2])
    #expect((sheet.height, sheet.width, sheet.channels) == (8, 34, 1))
    func pixel(_ i: Int, _ j: Int) -> UInt8 { sheet.pixels[i * sheet.width + j] }
    #expect((2...7).map { pixel(2, $0) } == [30, 40, 255, 255, 255, 255])
    #expect((2...11).map { pixel(5, $0) } == [10, 20, 255, 255, 50, 60, 255, 255, 70, 80])
  }

  @Test("beside them stand the same, augmented")
  func augmented() throws {
    let sheet = try SampleSheet(run { $0.data.augment.flip = 1 }, try data())
    #expect(sheet.width == 16 * 4 + 2 + 4)
    let start = 2 + 8 * 4 + 4
    #expect((start..<start + 6).map { sheet.pixels[5 * sheet.width + $0] } == [20, 10, 255, 255, 60, 50])
  }
}
