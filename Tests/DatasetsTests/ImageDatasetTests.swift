import Diagnostics
import TestSupport
import Testing

@testable import Datasets

@Suite struct ImageDatasetTests {
  @Test("a data set has bytes or floats, not both")
  func exactlyOneKindOfPixel() throws {
    let floats = try ImageDataset(
      height: 1, width: 2, channels: 2, classCount: 3, floats: [1, 2, 3, 4, -0.5, 6, 7, 8], labels: [2, 0])
    #expect(floats.count == 2 && floats.bytes == nil && floats.classCount == 3)
    #expect(Array(UnsafeBufferPointer(start: floats.floats, count: 8)) == [1, 2, 3, 4, -0.5, 6, 7, 8])
    let bytes = try ImageDataset(height: 1, width: 1, channels: 1, classCount: 1, bytes: [255], labels: [0])
    #expect(bytes.count == 1 && bytes.floats == nil && bytes.bytes?.pointee == 255)
  }

  @Test("no images and wrong labels are refused")
  func refusals() {
    func make(_ labels: [Int32]) -> UserError? {
      userError {
        _ = try ImageDataset(
          height: 1, width: 1, channels: 1, classCount: 2, bytes: [UInt8](repeating: 0, count: labels.count),
          labels: labels)
      }
    }
    #expect(make([]) == UserError(.badData, "images", "0 images; at least 1 is needed"))
    #expect(make([0, 2]) == UserError(.badData, "labels", "label 1 is 2; allowed are 0 to 1"))
    #expect(make([-1]) == UserError(.badData, "labels", "label 0 is -1; allowed are 0 to 1"))
  }

  /// 4 GiB mapped 70,000 times over is 273 TiB, more than a process can address: each mapping must go back.
  @Test("memory is unmapped with its last owner")
  func memoryIsUnmapped() {
    var mapped = 0
    let error = userError {
      for _ in 0..<70_000 {
        _ = try PageBuffer<UInt8>(count: 1 << 32, for: "test")
        mapped += 1
      }
    }
    // A machine that is too small refuses the first already.
    #expect(error == nil || (error?.category == .systemRefused && mapped == 0), "\(mapped) mappings")
  }
}
