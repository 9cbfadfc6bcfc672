import Diagnostics
import Storage
import TestSupport
import Testing

@testable import Datasets

/// Every damaged file is a `.badData` error that names the file, the place and both values.
@Suite struct HostileIDXTests {
  let images = idx([3, 2, 2], Array(1...12))
  let labels = idx([3], [0, 2, 1])

  private func expectRefused(
    images: [UInt8]? = nil, labels: [UInt8]? = nil, _ parts: String..., at location: SourceLocation = #_sourceLocation
  ) {
    let error = userError {
      _ = try ImageDataset.idx(
        images: ByteInput(name: "i.idx", bytes: images ?? self.images),
        labels: ByteInput(name: "l.idx", bytes: labels ?? self.labels), classCount: nil)
    }
    #expect(error?.category == .badData, sourceLocation: location)
    #expect(error?.subject == (labels == nil ? "i.idx" : "l.idx"), sourceLocation: location)
    for part in parts {
      let found = "\(error.map(String.init(describing:)) ?? "no error")"
      #expect(found.contains(part), "'\(part)' is not in: \(found)", sourceLocation: location)
    }
  }

  @Test("every truncated file is refused")
  func everyTruncation() {
    for length in 0..<images.count { expectRefused(images: Array(images[..<length])) }
    for length in 0..<labels.count { expectRefused(labels: Array(labels[..<length])) }
    expectRefused(images: [], "ends after 0 bytes", "offset 0")
    expectRefused(images: Array(images[..<10]), "ends after 10 bytes", "12 are needed at offset 4")
    expectRefused(images: Array(images[..<27]), "3×2×2", "28 in all", "has 27")
  }

  @Test("every truncated gzip file is refused")
  func everyGzipTruncation() {
    let packed = gzip(images)
    for length in 2..<packed.count { expectRefused(images: Array(packed[..<length])) }
    expectRefused(images: Array(packed[..<(packed.count - 1)]), "cut short", "offset \(packed.count - 1)")
  }

  /// A damaged bit is found, or carries no content (time, system, padding): wrong pixels never come through.
  @Test("every damaged bit of a gzip file is found or harmless")
  func everyDamagedGzipBit() {
    let packed = gzip(images)
    var refused = 0
    for bit in 0..<8 * packed.count {
      var damaged = packed
      damaged[bit / 8] ^= 1 << (bit % 8)
      let error = userError {
        let set = try ImageDataset.idx(
          images: ByteInput(name: "i", bytes: damaged), labels: ByteInput(name: "l", bytes: labels), classCount: nil)
        #expect(UnsafeBufferPointer(start: set.bytes, count: 12).elementsEqual(1...12), "bit \(bit)")
      }
      if let error {
        #expect(error.category == .badData)
        refused += 1
      }
    }
    #expect(refused > 8 * packed.count - 80)
  }

  @Test("trailing bytes are refused")
  func trailingBytes() {
    expectRefused(images: images + [0], "28", "29 bytes")
    expectRefused(labels: labels + [0, 0], "offset 11", "13 bytes")
    expectRefused(images: gzip(images + [0]), "offset 28")
    expectRefused(images: gzip(images) + [0])
    expectRefused(images: gzip(images) + gzip([7]), "offset 28")
    expectRefused(images: gzip(images) + Array("garbage".utf8), "damaged gzip")
  }

  @Test("a wrong magic number is refused")
  func wrongMagic() {
    expectRefused(images: Array("\u{89}PNG\r\n....................".utf8), "starts with bytes 0xC2")
    let numpy: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0]
    expectRefused(images: numpy, "is a NumPy array (.npy), not an IDX file: it starts with bytes 0x93 0x4E")
    expectRefused(labels: gzip(numpy), "is a NumPy array (.npy)")
    expectRefused(images: Array("PK".utf8) + [3, 4, 20, 0], "is a ZIP archive (.npz, .zip), not an IDX file")
    expectRefused(images: [0xFF, 0xD8, 0xFF, 0xE0, 0], "is a JPEG image")
    expectRefused(images: idx([3, 2, 2], Array(1...12), type: 0x0D), "0x0D (32-bit float)", "offset 2")
    expectRefused(images: labels, "has 1 dimensions", "swapped")
    expectRefused(labels: images, "has 3 dimensions", "swapped")
    expectRefused(images: idx([3, 4], Array(1...12)), "has 2 dimensions at offset 3")
    expectRefused(images: [0, 0, 8, 255] + [UInt8](repeating: 0, count: 2000), "has 255 dimensions")
    expectRefused(images: [0, 0, 8, 0], "has 0 dimensions")
  }

  @Test("dimensions of 0 are refused")
  func zeroDimensions() {
    expectRefused(images: idx([0, 2, 2], []), "dimension 0 as 0 at offset 4")
    expectRefused(images: idx([3, 0, 2], []), "dimension 1 as 0 at offset 8")
    expectRefused(images: idx([3, 2, 2, 0], []), "dimension 3 as 0 at offset 16")
    expectRefused(labels: idx([0], []), "dimension 0 as 0 at offset 4")
    // A zero after an overflow must not hide it, nor the other way round.
    expectRefused(images: idx([0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0], []), "dimension 3 as 0")
  }

  @Test("different counts of images and labels are refused")
  func countsDiffer() {
    expectRefused(labels: idx([2], [0, 1]), "2 labels", "3 images", "i.idx")
    expectRefused(labels: idx([4], [0, 1, 2, 3]), "4 labels", "3 images")
  }

  /// Declared sizes far beyond the file, up to an overflow of the product, are refused before any allocation.
  @Test("declared sizes beyond the file are refused")
  func declaredSizesBeyondTheFile() {
    let huge = 0xFFFF_FFFF
    for dimensions in [[huge, 1, 1], [huge, huge, 1], [huge, huge, huge], [huge, huge, huge, huge]] {
      expectRefused(images: idx(dimensions, [1, 2, 3]), "declares")
      expectRefused(images: gzip(idx(dimensions, [1, 2, 3])), "declares", "at most")
    }
    expectRefused(labels: idx([huge], [1]), "4294967295", "has 9")
  }

  /// A gzip file of a few bytes that inflates to megabytes stops at what the header declares.
  @Test("a gzip bomb is refused")
  func gzipBomb() {
    let zeros = [UInt8](repeating: 0, count: 16 << 20)
    let bomb = gzip(images + zeros)
    #expect(bomb.count < 20_000)
    expectRefused(images: bomb, "should end at offset 28", "more follow")
  }
}
