/// How much of a sum, a map or a layer is taken at a time, so that what is used again is still in a cache.
///
/// None of it changes a bit: sums run in the same order whatever the blocks.
///
/// | size | value | from |
/// |---|---|---|
/// | register tile | 8 rows × 2 vectors with AVX-512, 6 × 2 else | `tileRows`: what 32 or 16 registers hold, enough sums to hide a product's latency |
/// | `termsPerBlock` | 128 | half of 32 KiB L1: 128 terms × 32 lanes × 4 bytes of weights, beside the rows that pass |
/// | `denseRows` | 64 | a quarter of it: 64 inputs × 32 outputs × 4 bytes, twice where shards are added |
/// | `mapBytes` | 64 KiB | a sixteenth of 1 MiB L2: the stages of a block hand on maps, masks and gradients there |
/// | `tilesPerGroup` | 64 | a term's 128 bytes of weights are used for 64 × 2 products: 1 byte per cycle from L3 |
package struct BlockSizes: Hashable, Sendable {
  /// Terms of one long sum.
  package var termsPerBlock: Int
  /// Inputs of a dense layer in its gradients, a multiple of 16.
  package var denseRows: Int
  /// Bytes of output that make a convolution's call worthwhile.
  package var mapBytes: Int
  /// Tiles of Winograd's method that are transformed and multiplied together.
  package var tilesPerGroup: Int

  /// The sizes for a core with data caches of these bytes; unknown ones are taken to be 32 KiB and 1 MiB.
  package init(firstLevelCache: Int? = nil, secondLevelCache: Int? = nil) {
    let first = min(max(firstLevelCache ?? 32 << 10, 16 << 10), 256 << 10)
    let second = min(max(secondLevelCache ?? 1 << 20, 256 << 10), 16 << 20)
    termsPerBlock = first / 2 / Self.bytesPerTerm / 16 * 16
    denseRows = first / 4 / Self.bytesPerTerm / 16 * 16
    mapBytes = second / 16
    tilesPerGroup = 64
  }

  /// A vector of 32 lanes.
  private static var bytesPerTerm: Int { 32 * MemoryLayout<Float>.stride }
}
