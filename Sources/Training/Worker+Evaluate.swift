import Datasets
import Network

/// Forward passes over examples in file order.
extension Worker {
  /// Forward over the worker's shards of `examples` in file order; losses and correctness go to the shared sums.
  ///
  /// `probabilities` receives [examples, classes] where given.
  func evaluate(
    _ dataset: ImageDataset, _ examples: Range<Int>, probabilities: UnsafeMutablePointer<Float>? = nil
  ) {
    let count = plan.shards.shardCount(batchSize: examples.count)
    var run = plan.evaluated(by: context.index, shardCount: count)
    while !run.isEmpty {
      let shards = run.prefix(plan.shardsPerChunk)
      let positions = positions(of: shards, in: examples)
      infer(dataset, positions)
      recordLosses(shards, examples: positions.count)
      if shared.ranksClasses { recordTopFive(shards, examples: positions.count) }
      if let probabilities {
        let classes = plan.network.classes
        for n in 0..<positions.count {
          (probabilities + (positions.lowerBound - examples.lowerBound + n) * classes)
            .update(from: plan.network.probabilities(workspace, image: n), count: classes)
        }
      }
      run = shards.upperBound..<run.upperBound
    }
  }

  /// The forward pass over examples in file order, as one chunk; with mirror images where they are asked for.
  private func infer(_ dataset: ImageDataset, _ examples: Range<Int>) {
    guard let mirrored = mirroredLogits?.floats else { return forward(dataset, examples, isFlipped: false) }
    let (images, classes) = (0..<examples.count, plan.network.classes)
    forward(dataset, examples, isFlipped: true)
    for n in images {
      (mirrored + n * classes).update(from: plan.network.logits(workspace, image: n), count: classes)
    }
    forward(dataset, examples, isFlipped: false)
    for n in images {
      let logits = plan.network.logits(workspace, image: n)
      for k in 0..<classes { logits[k] = (logits[k] + mirrored[n * classes + k]) / 2 }
    }
    plan.network.classify(workspace, images: images, inferenceInputs)
  }

  private func forward(_ dataset: ImageDataset, _ examples: Range<Int>, isFlipped: Bool) {
    let images = 0..<examples.count
    for n in images {
      let input = plan.network.input(workspace, image: n, of: images)
      let next = examples.upperBound + n
      if next < dataset.count { dataset.prefetch(next) }
      // A mirror image is written from its last column to its first.
      normalization.load(
        dataset, example: examples.lowerBound + n,
        into: input.pixels + (isFlipped ? (dataset.width - 1) * input.pixel : 0), row: input.row,
        pixel: isFlipped ? -input.pixel : input.pixel)
      let example = examples.lowerBound + n
      workspace.describe(image: n, example: example, label: dataset.labels[example])
    }
    plan.network.forward(workspace, images: images, inferenceInputs)
  }

  private var inferenceInputs: PassInputs {
    PassInputs(weights: replica.weights, prepared: replica.prepared, kernels: plan.kernels, isInference: true)
  }

  /// Counts the examples of each shard whose label is among the five likeliest classes, earlier ones first among equals.
  private func recordTopFive(_ shards: Range<Int>, examples: Int) {
    let (size, classes) = (plan.shards.shardSize, plan.network.classes)
    for (i, shard) in shards.enumerated() {
      var hits = 0
      for n in i * size..<min((i + 1) * size, examples) {
        let label = Int(workspace.labels[n])
        guard label >= 0 else { continue }
        let row = plan.network.probabilities(workspace, image: n)
        var ahead = 0
        for k in 0..<classes where row[k] > row[label] || row[k] == row[label] && k < label { ahead += 1 }
        if ahead < 5 { hits += 1 }
      }
      shared.topFive[shard] = hits
    }
  }
}
