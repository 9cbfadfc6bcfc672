import Datasets
import Machine
import TestSupport
import Testing

@testable import Runs
@testable import Training

/// Any difference in the data is seen, wherever it is.
@Suite struct DataFingerprintTests {
  private func fingerprint(_ pixels: [UInt8], count: Int) throws -> String {
    DataFingerprint.of(training: try data(pixels, count: count), test: nil)
  }

  private func data(_ pixels: [UInt8], count: Int) throws -> ImageDataset {
    try ImageDataset(
      height: 1, width: pixels.count / count, channels: 1, classCount: 2, bytes: pixels,
      labels: (0..<count).map { Int32($0 % 2) })
  }

  /// Sizes around the words, the blocks of words and the mebibytes that are taken at a time.
  @Test("every pixel counts", arguments: [1, 31, 32, 33, 1000, (1 << 20) - 1, 1 << 20, (1 << 20) + 8, 3 << 20 + 5])
  func everyPixelCounts(count: Int) throws {
    let pixels: [UInt8] = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 9) }
    let whole = try fingerprint(pixels, count: 1)
    #expect(try whole == fingerprint(pixels, count: 1) && whole.hasPrefix("all:sha256:"))
    var seen: Set<String> = [whole]
    for position in Set([0, count / 3, count / 2, count - 1]) {
      var changed = pixels
      changed[position] ^= 0x10
      #expect(try seen.insert(fingerprint(changed, count: 1)).inserted, "pixel \(position) of \(count)")
    }
  }

  /// The order of examples counts too, and what lies in the test set.
  @Test("the order of pixels counts")
  func placesCount() throws {
    let a: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    #expect(try fingerprint(a, count: 4) != fingerprint([3, 4, 1, 2] + a[4...], count: 4))
    #expect(try fingerprint(a, count: 4) != fingerprint(a, count: 2))
    let set = try data(a, count: 4)
    #expect(DataFingerprint.of(training: set, test: nil) != DataFingerprint.of(training: set, test: set))
  }

  /// A run is not continued on data with a single different pixel, and one from an older program continues.
  @Test("a changed pixel between parts is refused")
  func aChangedPixelBetweenPartsIsRefused() throws {
    var run = try ResumeRun([.set("checkpoint.every_steps", "1")])
    let checkpoint = try #require(try run.run().trace.checkpoints.first)
    let loaded = try run.configuration.loadData()
    let older = Checkpoint(
      step: checkpoint.step, parameters: checkpoint.parameters, state: checkpoint.state,
      configuration: checkpoint.configuration,
      dataFingerprint: DataFingerprint.sample(training: loaded.training, test: loaded.test),
      progress: checkpoint.progress)
    #expect(older.dataFingerprint.hasPrefix("sha256:"))
    run.checkpoint = older
    _ = try run.trainer()
    var pixels: [UInt8] = Array(loaded.training.pixels)
    pixels[pixels.count - 2] ^= 1
    let changed = try ImageDataset(
      height: 6, width: 5, channels: 2, classCount: 4, bytes: pixels,
      labels: Array(UnsafeBufferPointer(start: loaded.training.labels, count: 45)))
    let error = userError {
      _ = try Trainer(
        configuration: run.configuration, topology: try .read(), kernels: testKernels, training: changed,
        test: loaded.test, initialWeights: nil, resuming: checkpoint)
    }
    #expect(error?.category == .badData && error?.message.hasPrefix("holds different examples") == true)
  }
}
