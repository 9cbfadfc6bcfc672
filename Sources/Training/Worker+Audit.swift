import Datasets
import Network

extension Worker {
  /// Computes the shard that is checked in this step again, if it is this worker's turn.
  ///
  /// - Parameter reached: called before weights after the front are read; without meetings.
  func audit(_ dataset: ImageDataset, _ step: TrainingStep, reached: (PassPoint) -> Void = { _ in }) {
    guard let audit = shared.audit, let shard = audit.shard(in: step),
      audit.auditor(of: shard, in: step) == context.index
    else { return }
    let positions = positions(of: shard..<shard + 1, in: step.batch)
    func load(_ chunk: Range<Int>) { self.load(dataset, chunk: chunk, at: positions.lowerBound, epoch: step.epoch) }
    var inputs = inputs(epoch: step.epoch)
    inputs.statistics = nil
    guard plan.network.schedule.hasMeetings else {
      return plan.network.sumGradients(
        workspace, examples: positions.count, into: audit.again, inputs, load: load
      ) {
        // A worker without shards of its own reads weights here first.
        if $0 == .backForward { reached($0) }
      }
    }
    plan.network.sumGradients(
      workspace, audit.share(of: shard, in: step), sums: audit.copySums(shared.meetingSums), inputs, load: load,
      meet: {})
  }
}
