import KernelInterface
import TestSupport
import Testing

@testable import Network

/// Which maps a segment prefetches, and that each part of the next block is handed on once.
@Suite("Maps ahead")
struct MapsAheadTests {
  /// Addresses of maps; none of them is read.
  private static func address(_ number: Int) throws -> UnsafePointer<Float> {
    try #require(UnsafePointer<Float>(bitPattern: 4096 * number))
  }

  private func withMapsAhead(_ body: (MapsAhead) throws -> Void) rethrows {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 64)
    defer { memory.deallocate() }
    var layout = BufferLayout(base: memory)
    try body(MapsAhead(&layout, count: 3))
  }

  /// All that is left, as offsets of floats from `start`.
  private func offsets(_ ahead: MapsAhead, from start: UnsafePointer<Float>, atMost most: Int) -> [Range<Int>] {
    var found: [Range<Int>] = []
    while let part = ahead.take(atMost: most), let base = part.baseAddress {
      found.append(base - start..<base - start + part.count)
    }
    return found
  }

  @Test(
    "the next block's images, each float once, in parts of the size that is asked for", arguments: [16, 48, 1 << 20])
  func nextBlock(most: Int) throws {
    try withMapsAhead { ahead in
      let start = try Self.address(1)
      ahead.begin(images: 10)
      ahead.add(start, imageStride: 48)
      ahead.add(start + 5000, imageStride: 100)
      for (first, next) in [(0, 4..<8), (4, 8..<10), (8, 10..<10)] {
        ahead.enter(first: first, count: min(4, 10 - first))
        let parts = offsets(ahead, from: start, atMost: most)
        let expected = [
          next.lowerBound * 48..<next.upperBound * 48, 5000 + next.lowerBound * 100..<5000 + next.upperBound * 100,
        ]
        #expect(parts.flatMap(Array.init) == expected.flatMap(Array.init))
        #expect(parts.allSatisfy { !$0.isEmpty && $0.count <= most })
        #expect(ahead.take(atMost: most) == nil)
      }
    }
  }

  @Test("what the block before left is dropped, and nothing is left after the end")
  func blocksFollow() throws {
    try withMapsAhead { ahead in
      let start = try Self.address(2)
      #expect(ahead.take(atMost: 16) == nil)
      ahead.begin(images: 6)
      ahead.add(start, imageStride: 64)
      ahead.enter(first: 0, count: 2)
      #expect(ahead.take(atMost: 0) == nil)
      #expect(ahead.take(atMost: 16)?.baseAddress == start + 128)
      ahead.enter(first: 2, count: 2)
      #expect(ahead.take(atMost: 16)?.baseAddress == start + 256)
      ahead.end()
      ahead.enter(first: 0, count: 2)
      #expect(ahead.take(atMost: 16) == nil)
    }
  }

  @Test("a segment's maps are those that outlive it: what it reads of others, what it writes for others")
  func sources() throws {
    func plan(_ kinds: [LayerKind]) throws -> NetworkPlan {
      let layers = kinds.enumerated().map { LayerSpecification(name: "layer_\($0)", kind: $1) }
      return try NetworkPlan(
        ModelSpecification(input: ImageShape(height: 8, width: 8, channels: 16), layers: layers),
        capacity: ImageCapacity(shard: 2, shardsPerChunk: 2))
    }
    let convolution = LayerKind.conv2d(filters: 16, kernelSize: 3, padding: .same, algorithm: .auto)
    let end: [LayerKind] = [.flatten, .dense(units: 3), .softmax]
    let net = try plan([convolution, .batchNorm, .relu, convolution, .batchNorm, .relu] + end)
    // Values: 0 images, 1 first convolution, 2 its norm, 3 second convolution, 4 its norm.
    func map(_ index: Int) -> MapsAhead.Source { MapsAhead.Source(isGradient: false, index: index) }
    #expect(net.mapsAhead.forward.count == 3 && net.mapsAhead.backward.count == 3)
    #expect(net.mapsAhead.forward[0].sources == [map(0), map(1)] && net.mapsAhead.forward[0].written == [map(1)])
    #expect(net.mapsAhead.forward[1].sources == [map(1), map(3)] && net.mapsAhead.forward[1].written == [map(3)])
    for segment in net.mapsAhead.forward + net.mapsAhead.backward {
      #expect(Set(segment.sources).count == segment.sources.count)
      #expect(Set(segment.sources).isSuperset(of: segment.written))
      for source in segment.sources {
        #expect((source.isGradient ? net.gradients : net.maps)[source.index].residence == .chunk)
      }
    }
    // The second norm's backward pass reads its input; the convolution before it has the first norm's output computed again.
    #expect(Set(net.mapsAhead.backward[1].sources).isSuperset(of: [map(1), map(3)]))
    // Its sums, at the end of the segment before, read it, too.
    #expect(net.mapsAhead.backward[2].sources.contains(map(3)))
    // Without caches all sources are fetched, and what is written is written back; caches that hold all move nothing.
    let floats = (net.mapsAhead.forward + net.mapsAhead.backward).flatMap { $0.sources + $0.written }.reduce(0) {
      $0 + ($1.isGradient ? net.gradients : net.maps)[$1.index].imageStride
    }
    #expect(net.segmentBytes(images: 3, cacheBytes: 0) == 3 * 4 * floats)
    #expect(net.segmentBytes(images: 3, cacheBytes: 1 << 30) == 0)
    // One map fits: what a segment wrote last is there for the next one, and is written back once it is the oldest.
    let map1 = 4 * net.maps[1].imageStride
    #expect(net.segmentBytes(images: 1, cacheBytes: map1) <= 4 * floats - map1)
    let chain = try plan([convolution, .relu] + end)
    #expect(chain.segmentBytes(images: 3, cacheBytes: 0) == 0)
    #expect(chain.mapsAhead.forward.isEmpty && chain.mapsAhead.backward.isEmpty)
  }
}
