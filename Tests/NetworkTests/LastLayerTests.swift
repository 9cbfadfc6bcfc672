import Network
import TestSupport
import Testing

/// What stands before softmax decides where its gradient goes: through halos, masks and pools.
@Suite("The layer before softmax")
struct LastLayerTests {
  private func run(_ name: String, examples: Int) throws -> NetworkRun {
    let model = try #require(TestNetworks.lastLayers.first { $0.name == name }).model
    return try NetworkRun(model, examples: examples, seed: 3)
  }

  @Test("all results are the naive network's", arguments: TestNetworks.lastLayers.map(\.name))
  func agreesWithReference(name: String) throws {
    for examples in [1, 2, 7] {
      let run = try run(name, examples: examples)
      let expected = run.reference()
      // One shard of all, and shards of two in two chunks, of which the last is ragged.
      for capacity in [
        ImageCapacity(shard: examples), ImageCapacity(shard: 2, shardsPerChunk: 2, chunksPerRun: 2),
      ] {
        for kernels in runnableKernels {
          let actual = try run.run(kernels, capacity: capacity)
          let context = "\(kernels.name), \(examples) examples in shards of \(capacity.shard)"
          let probabilities = try #require(expected.activations.last).values
          #expect(worstRelativeError(actual.probabilities.map(Double.init), probabilities) < 1e-4, "\(context)")
          let loss = actual.losses.reduce(0) { $0 + Double($1) } / Double(examples)
          #expect(abs(loss - expected.loss) < 1e-4 * max(1, expected.loss), "\(context)")
          for (parameter, gradient) in expected.gradients {
            let values = try #require(actual.gradients[parameter]).map(Double.init)
            let error = worstRelativeError(values, gradient.map { $0 * Double(examples) })
            #expect(error < 1e-4, "\(parameter), \(context)")
          }
          // The input's gradient stays of one chunk alone.
          guard capacity.chunk >= examples else { continue }
          let error = worstRelativeError(actual.inputGradient.map(Double.init), expected.inputGradient.values)
          #expect(error < 1e-4, "the images, \(context)")
        }
      }
    }
  }

  @Test("builds, chunks, runs and what memory held change no bit", arguments: TestNetworks.lastLayers.map(\.name))
  func sameBits(name: String) throws {
    let run = try run(name, examples: 13)
    let kernels = try #require(runnableKernels.last)
    let expected = try run.run(kernels, capacity: ImageCapacity(shard: 2, chunksPerRun: 8))
    for build in runnableKernels {
      #expect(try run.run(build, capacity: ImageCapacity(shard: 2, chunksPerRun: 8), fill: 0xFF) == expected)
    }
    for (shardsPerChunk, chunks) in [(2, 4), (4, 2), (8, 1)] {
      let capacity = ImageCapacity(shard: 2, shardsPerChunk: shardsPerChunk, chunksPerRun: chunks)
      let result = try run.run(kernels, capacity: capacity)
      #expect(result.gradients == expected.gradients && result.losses == expected.losses, "\(shardsPerChunk) shards")
      #expect(result.probabilities == expected.probabilities, "\(shardsPerChunk) shards")
    }
  }
}
