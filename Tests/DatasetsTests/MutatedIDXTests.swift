import Randomness
import Storage
import TestSupport
import Testing

@testable import Datasets

/// Thousands of damaged copies of good files: read or refused as bad data, never a crash or another error.
@Suite struct MutatedIDXTests {
  @Test("mutated IDX files are read or refused", arguments: [false, true])
  func images(compressed: Bool) {
    let plain = idx([3, 4, 5], (0..<60).map { UInt8($0 * 37 % 256) })
    let good = compressed ? gzip(plain) : plain
    let labels = idx([3], [0, 1, 2])
    let stream = RandomStream(seed: 2026, purpose: .gradientCheck, stream: compressed ? 3 : 2)
    for round: UInt64 in 0..<3000 {
      let bytes = good.mutated(stream, round: round)
      var set: ImageDataset?
      let error = userError {
        set = try ImageDataset.idx(
          images: ByteInput(name: "i", bytes: bytes), labels: ByteInput(name: "l", bytes: labels), classCount: nil)
      }
      #expect((set != nil) != (error?.category == .badData), "round \(round)")
    }
  }
}
