import KernelInterface
import Network
import TestSupport
import Testing

@Suite("Production kernels against the naive twins")
struct NetworkAgainstReferenceTests {
  @Test("probabilities, losses and every gradient agree", arguments: TestNetworks.all.map(\.name), [1, 3, 9])
  func agreesWithReference(name: String, examples: Int) throws {
    let model = try #require(TestNetworks.all.first { $0.name == name }).model
    let run = try NetworkRun(model, examples: examples)
    let expected = run.reference()
    for kernels in runnableKernels where kernels.name != "portable" || name == "digits" || name == "winograd" {
      let actual = try run.run(kernels)
      let probabilities = try #require(expected.activations.last).values
      #expect(worstRelativeError(actual.probabilities.map(Double.init), probabilities) < 1e-5)
      #expect(abs(actual.losses.reduce(0) { $0 + Double($1) } / Double(examples) - expected.loss) < 1e-4)
      let inputError = worstRelativeError(actual.inputGradient.map(Double.init), expected.inputGradient.values)
      #expect(inputError < 1e-4, "input gradient, \(kernels.name)")
      for (parameter, gradient) in expected.gradients {
        let summed = gradient.map { $0 * Double(examples) }
        let error = worstRelativeError(try #require(actual.gradients[parameter]).map(Double.init), summed)
        #expect(error < 1e-4, "\(parameter), \(kernels.name)")
      }
    }
  }

  @Test("every build computes the same bits", arguments: TestNetworks.all.map(\.name))
  func buildsAgree(name: String) throws {
    let model = try #require(TestNetworks.all.first { $0.name == name }).model
    let run = try NetworkRun(model, examples: 5)
    let results = try runnableKernels.map { try run.run($0, capacity: .shardsOfTwo) }
    for result in results.dropFirst() { #expect(result == results[0]) }
  }

  @Test("what memory held before does not matter", arguments: TestNetworks.all.map(\.name))
  func fillDoesNotMatter(name: String) throws {
    let model = try #require(TestNetworks.all.first { $0.name == name }).model
    let run = try NetworkRun(model, examples: 5)
    let kernels = try #require(runnableKernels.last)
    let filled = try run.run(kernels, capacity: .shardsOfTwo, fill: 0xFF)
    #expect(try filled == run.run(kernels, capacity: .shardsOfTwo, fill: 0))
  }

  @Test("chunks and runs change no bit", arguments: TestNetworks.all.map(\.name))
  func capacityDoesNotMatter(name: String) throws {
    let model = try #require(TestNetworks.all.first { $0.name == name }).model
    let run = try NetworkRun(model, examples: 13)
    let kernels = try #require(runnableKernels.last)
    let results = try [(1, 8), (2, 4), (4, 2), (8, 1)].map { shardsPerChunk, chunks in
      let capacity = ImageCapacity(shard: 2, shardsPerChunk: shardsPerChunk, chunksPerRun: chunks)
      return try run.run(kernels, capacity: capacity)
    }
    for result in results.dropFirst() {
      #expect(result.gradients == results[0].gradients && result.losses == results[0].losses)
      #expect(result.probabilities == results[0].probabilities)
    }
  }

  @Test("sizes of blocks change no bit", arguments: TestNetworks.all.map(\.name))
  func blockSizesDoNotMatter(name: String) throws {
    let model = try #require(TestNetworks.all.first { $0.name == name }).model
    let run = try NetworkRun(model, examples: 13)
    let kernels = try #require(runnableKernels.last)
    let capacity = ImageCapacity(shard: 4, shardsPerChunk: 2, chunksPerRun: 2)
    let expected = try run.run(kernels, capacity: capacity)
    var small = BlockSizes(firstLevelCache: 0, secondLevelCache: 0)
    #expect(small.termsPerBlock == 64 && small.denseRows == 32 && small.mapBytes == 16 << 10)
    (small.termsPerBlock, small.denseRows, small.mapBytes, small.tilesPerGroup) = (8, 16, 1, 8)
    let large = BlockSizes(firstLevelCache: 48 << 10, secondLevelCache: 2 << 20)
    #expect(large.termsPerBlock == 192 && large.denseRows == 96 && large.mapBytes == 128 << 10)
    for sizes in [small, large] { #expect(try run.run(kernels, capacity: capacity, sizes: sizes) == expected) }
  }

  @Test("a chunk of shards is their tree sum", arguments: [1, 2, 3, 4, 7])
  func shardsSumInTree(shardSize: Int) throws {
    let run = try NetworkRun(TestNetworks.digits, examples: 7)
    let kernels = try #require(runnableKernels.last)
    let capacity = ImageCapacity(shard: shardSize, shardsPerChunk: (7 + shardSize - 1) / shardSize)
    let whole = try run.run(kernels, capacity: capacity)
    #expect(try whole.losses == run.run(kernels).losses)
    for (name, gradient) in try run.run(kernels).gradients {
      let error = worstRelativeError(
        try #require(whole.gradients[name]).map(Double.init), gradient.map(Double.init))
      #expect(error < 1e-5, "\(name)")
    }
  }
}

extension ImageCapacity {
  /// Three shards of two images, in two chunks.
  fileprivate static var shardsOfTwo: ImageCapacity { ImageCapacity(shard: 2, shardsPerChunk: 2, chunksPerRun: 2) }
}
