import Configuration
import Datasets
import KernelInterface
import Runs
import Storage

/// Makes the entries of a run's ledger of what worker 0 publishes, on the thread that reports.
final class LedgerEntries {
  private let plan: RunPlan
  private let order: EpochOrder
  private var epoch: Int?
  /// The numbers of a batch's examples, as they are hashed.
  private var examples: [UInt32] = []

  init(_ plan: RunPlan, exampleCount: Int) {
    self.plan = plan
    order = EpochOrder(count: exampleCount)
    examples.reserveCapacity(plan.configuration.training.batchSize)
  }

  /// The entry of the step that `totals` are of.
  func entry(_ totals: StepTotals) -> LedgerEntry {
    if epoch != totals.epoch {
      let configuration = plan.configuration
      order.reorder(seed: configuration.seed, epoch: totals.epoch, shuffle: configuration.training.shuffle)
      epoch = totals.epoch
    }
    examples.removeAll(keepingCapacity: true)
    for position in plan.shards.batchRange(stepInEpoch: totals.stepInEpoch) {
      examples.append(UInt32(order[position]).littleEndian)
    }
    return LedgerEntry(
      step: totals.step + 1, batch: examples.withUnsafeBytes { SHA256.value(of: $0) }, loss: totals.loss.bitPattern,
      weights: totals.weightsDigest)
  }
}

extension Session {
  /// What the ledger of a run on these data sets begins with; `nil` if the configuration wants none.
  ///
  /// - Parameter knowsWeights: whether the weights are those before the first step.
  func ledgerStart(training: ImageDataset, test: ImageDataset?, knowsWeights: Bool) -> LedgerStart? {
    guard shared.weightsTree != nil else { return nil }
    let configuration = plan.configuration
    return LedgerStart(
      configuration: ConfigurationDigest.of(configuration.jsonValue, for: configuration),
      data: DataDigest.of(training: training, test: test, plan.kernels), numericsVersion: NumericsVersion.current,
      weights: knowsWeights ? weightsTreeDigest() : nil, everySteps: configuration.ledger.everySteps)
  }

  /// The digest of the weights, computed by the calling thread while no worker writes them; `nil` without a ledger.
  func weightsTreeDigest() -> SHA256Digest? {
    guard let tree = shared.weightsTree else { return nil }
    shared.weights.withMemoryRebound(to: UInt32.self, capacity: tree.wordCount) {
      tree.hash($0, blocks: 0..<tree.blockCount, plan.kernels)
    }
    return tree.root(plan.kernels)
  }
}

/// The digest of the examples of a run.
package enum DataDigest {
  /// SHA-256 over both sets: examples, height, width, channels, classes and bytes per pixel value, eight bytes each, then the
  /// `TreeHash` of the labels and of the pixels.
  package static func of(training: ImageDataset, test: ImageDataset?, _ kernels: KernelTable) -> SHA256Digest {
    var hash = SHA256()
    for data in [training] + (test.map { [$0] } ?? []) {
      let shape = [data.count, data.height, data.width, data.channels, data.classCount, data.bytes == nil ? 4 : 1]
      for number in shape { hash.update(UInt64(number)) }
      hash.update(TreeHash.digest(of: UnsafeRawBufferPointer(start: data.labels, count: data.count * 4), kernels))
      hash.update(data.readingInOrder { TreeHash.digest(of: data.pixels, kernels) })
    }
    return hash.value
  }
}
