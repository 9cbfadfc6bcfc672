import Datasets
import Storage

/// Tells data sets apart, so that a run is not continued on different data, wherever its files are now.
package enum DataFingerprint {
  /// Pixels that `sample` looks at, in evenly spaced examples.
  private static let sampledPixels = 1 << 18

  /// `all:sha256:` and a digest over shapes, labels and all pixels of both sets.
  package static func of(training: ImageDataset, test: ImageDataset?) -> String {
    "all:" + text(training, test) { data, hash in add(data.pixels, to: &hash) }
  }

  /// `sha256:` and a digest over shapes, labels and a sample of the pixels, as older programs wrote it.
  package static func sample(training: ImageDataset, test: ImageDataset?) -> String {
    text(training, test) { data, hash in addSample(data, to: &hash) }
  }

  private static func text(
    _ training: ImageDataset, _ test: ImageDataset?, _ addPixels: (ImageDataset, inout SHA256) -> Void
  ) -> String {
    var hash = SHA256()
    for data: ImageDataset in [training] + (test.map { [$0] } ?? []) {
      let shape: [Int] = [
        data.count, data.height, data.width, data.channels, data.classCount, data.bytes == nil ? 4 : 1,
      ]
      shape.map { Int64($0).littleEndian }.withUnsafeBytes { hash.update($0) }
      hash.update(UnsafeRawBufferPointer(start: data.labels, count: data.count * 4))
      addPixels(data, &hash)
    }
    return hash.text
  }

  /// Four sums of every mebibyte, which any single changed word changes.
  ///
  /// `sum = rotate(sum + word · p, 31) · q` with odd p and q, over every fourth word: for any word another sum, and for any
  /// sum before it another one after it. As fast as memory is read; SHA-256 over all of it would be noticeably slower.
  private static func add(_ bytes: UnsafeRawBufferPointer, to hash: inout SHA256) {
    let blockBytes = 1 << 20
    for start in stride(from: 0, to: bytes.count, by: blockBytes) {
      let block = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + blockBytes, bytes.count)])
      var sums: SIMD4<UInt64> = SIMD4(1, 2, 3, 4)
      let whole = block.count / 32 * 32
      for offset in stride(from: 0, to: whole, by: 32) {
        sums = mixed(sums, block.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self))
      }
      if whole < block.count {
        var rest: SIMD4<UInt64> = .zero
        withUnsafeMutableBytes(of: &rest) {
          $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[whole...]))
        }
        sums = mixed(sums, rest)
      }
      withUnsafeBytes(of: sums) { hash.update($0) }
    }
  }

  @inline(__always)
  private static func mixed(_ sums: SIMD4<UInt64>, _ words: SIMD4<UInt64>) -> SIMD4<UInt64> {
    let next: SIMD4<UInt64> = sums &+ words &* 0xC2B2_AE3D_27D4_EB4F
    return (next &<< 31 | next &>> 33) &* 0x9E37_79B1_85EB_CA87
  }

  private static func addSample(_ data: ImageDataset, to hash: inout SHA256) {
    let exampleBytes = data.pixels.count / data.count
    let sampled = min(data.count, max(1, sampledPixels / max(data.height * data.width * data.channels, 1)))
    for index in 0..<sampled {
      let example = data.count / sampled * index + data.count % sampled * index / sampled
      hash.update(
        UnsafeRawBufferPointer(rebasing: data.pixels[example * exampleBytes..<(example + 1) * exampleBytes]))
    }
  }
}
