import Collectives
import Diagnostics
import Runs

/// The state before the first step, and after the last: no worker runs.
extension RankExchange {
  /// Gives all ranks the weights, the average and their segments of the optimizer's state that rank 0 starts with.
  ///
  /// - Parameter hasState: whether rank 0 has a state that is not 0.
  /// - Throws: as `Job.broadcast`.
  func shareStart(hasState: Bool) throws(UserError) {
    let subject = "the weights of \(job.name(0))"
    try job.broadcast(bytes(shared.weights, 0..<plan.memory.parameterFloats), subject)
    if let average = shared.average {
      try job.broadcast(bytes(average.floats, 0..<plan.memory.parameterFloats), subject)
    }
    guard hasState else { return }
    let transport = job.transport
    let messages = messages(.state)
    for slot in plan.memory.stateSlots.indices {
      for (index, bucket) in plan.buckets.enumerated() {
        let own = bytes(shared.optimizer.slot(slot, bucket: index), bucket.own)
        if let whole = snapshot?.slot(slot) {
          for peer in 1..<ranks.place.count { try messages.send(bytes(whole, bucket.ranks[peer]), to: peer) }
          own.copyMemory(from: UnsafeRawBufferPointer(bytes(whole, bucket.own)))
        } else {
          try messages.receive(own, from: 0)
        }
      }
      try transport.complete(timeoutSeconds: job.timeoutSeconds, subject: subject)
    }
  }

  /// Ends a run that did not fail: rank 0 gets the optimizer's state of all ranks into its snapshot, and ranks that have a
  /// digest of the last weights compare it.
  ///
  /// - Throws: `UserError` (70) naming a rank that has other weights than rank 0.
  func end() throws(UserError) {
    try collectState()
    stop()
    let digest = blocks.weightsDigest?.text ?? ""
    let digests = try job.gather(Array(digest.utf8), "the end of the run")
    guard let other = digests.firstIndex(where: { $0 != digests[0] }) else { return }
    throw ControlBlocks.difference(step: step + 1, job.name(other), job.name(0))
  }

  private func collectState() throws(UserError) {
    for slot in plan.memory.stateSlots.indices {
      guard let whole = snapshot?.slot(slot) else { continue }
      for (index, bucket) in plan.buckets.enumerated() {
        bytes(whole, bucket.own).copyMemory(
          from: UnsafeRawBufferPointer(bytes(shared.optimizer.slot(slot, bucket: index), bucket.own)))
      }
    }
    try send(.state)
  }
}
