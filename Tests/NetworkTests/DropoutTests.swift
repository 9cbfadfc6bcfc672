import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

@testable import Network

@Suite("Dropout in a network")
struct DropoutTests {
  private let model = TestNetworks.dropout

  @Test("drops what the naive twin drops: losses and every gradient agree", arguments: [1, 7])
  func agreesWithReference(examples: Int) throws {
    let run = try NetworkRun(model, examples: examples)
    let expected = run.reference()
    for kernels in runnableKernels {
      for capacity in [ImageCapacity(shard: examples), ImageCapacity(shard: 2, shardsPerChunk: 2, chunksPerRun: 2)] {
        let actual = try run.run(kernels, capacity: capacity)
        #expect(abs(actual.losses.reduce(0) { $0 + Double($1) } / Double(examples) - expected.loss) < 1e-4)
        for (parameter, gradient) in expected.gradients {
          let values = try #require(actual.gradients[parameter]).map(Double.init)
          let error = worstRelativeError(values, gradient.map { $0 * Double(examples) })
          #expect(error < 1e-4, "\(parameter), \(kernels.name), shards of \(capacity.shard)")
        }
        guard capacity.chunk >= examples else { continue }
        #expect(worstRelativeError(actual.inputGradient.map(Double.init), expected.inputGradient.values) < 1e-4)
      }
    }
  }

  @Test("builds, chunks, runs, blocks and what memory held change no bit")
  func sameBits() throws {
    let run = try NetworkRun(model, examples: 13)
    let kernels = try #require(runnableKernels.last)
    let one = ImageCapacity(shard: 2, chunksPerRun: 8)
    let expected = try run.run(kernels, capacity: one)
    for build in runnableKernels { #expect(try run.run(build, capacity: one, fill: 0xFF) == expected) }
    for (shardsPerChunk, chunks) in [(2, 4), (4, 2), (8, 1)] {
      let capacity = ImageCapacity(shard: 2, shardsPerChunk: shardsPerChunk, chunksPerRun: chunks)
      let result = try run.run(kernels, capacity: capacity)
      #expect(result.gradients == expected.gradients && result.losses == expected.losses, "\(shardsPerChunk) shards")
    }
    var small = BlockSizes(firstLevelCache: 0, secondLevelCache: 0)
    (small.mapBytes, small.tilesPerGroup) = (1, 8)
    #expect(try run.run(kernels, capacity: one, sizes: small) == expected)
  }

  @Test("an inference is that of the net without dropout")
  func inference() throws {
    let (dropped, plain) = (
      try NetworkRun(model, examples: 5), try NetworkRun(TestNetworks.without("dropout", model), examples: 5)
    )
    for kernels in runnableKernels {
      let (with, without) = (try dropped.run(kernels), try plain.run(kernels))
      #expect(with.probabilities == without.probabilities)
      #expect(with.losses != without.losses)
    }
  }

  @Test("every part of what names a decision changes it, and the share that is kept is as asked")
  func keys() throws {
    let x = Tensor4(count: 1, height: 40, width: 50, channels: 10, values: [Double](repeating: 1, count: 20_000))
    func kept(_ layer: Int, _ draws: ReferenceDraws) -> [Double] {
      ReferenceDropout(rate: 0.3, layer: layer).apply(x, draws).values
    }
    let all = [
      kept(1, ReferenceDraws()), kept(2, ReferenceDraws()), kept(1, ReferenceDraws(seed: 1)),
      kept(1, ReferenceDraws(seed: 1 << 32)), kept(1, ReferenceDraws(epoch: 1)),
      kept(1, ReferenceDraws(examples: [1])), kept(1, ReferenceDraws(examples: [1 << 20])),
    ]
    for (i, a) in all.enumerated() {
      let share = Double(a.count { $0 > 0 }) / 20_000
      #expect(abs(share - 0.7) < 0.02 && a.allSatisfy { $0 == 0 || $0 == 1 / 0.7 })
      for b in all[..<i] {
        let same = zip(a, b).count { $0 == $1 }
        // Independent decisions agree in 0.7² + 0.3² of all.
        #expect(abs(Double(same) / 20_000 - 0.58) < 0.02)
      }
    }
  }
}
