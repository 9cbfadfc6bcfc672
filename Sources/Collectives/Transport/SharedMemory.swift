/// The transport between workers of one process: partial sums are added where they lie, results copied from group to group.
///
/// `@unchecked Sendable`: entries are written by their worker before the first barrier; the floats they point to have one
/// writer between two barriers, as `Transport` says. Owns the table, not the buffers, which must live as long.
package final class SharedMemory: Transport, @unchecked Sendable {
  private let slots: Int
  private let count: Int
  /// `sums[worker · slots + slot]`
  private let sums: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  /// One per group.
  private let results: UnsafeMutablePointer<UnsafeMutablePointer<Float>>
  package let groupCount: Int

  /// - Parameters:
  ///   - slots: buffers of each worker.
  ///   - results: each group's copy of what is made of the sum.
  package init(workers: Int, slots: Int, results: [UnsafeMutablePointer<Float>]) {
    self.slots = slots
    count = workers * slots
    sums = .allocate(capacity: count)
    sums.initialize(repeating: nil, count: count)
    groupCount = results.count
    self.results = .allocate(capacity: groupCount)
    for (group, result) in results.enumerated() { (self.results + group).initialize(to: result) }
  }

  deinit {
    sums.deallocate()
    results.deallocate()
  }

  /// Makes `buffer` the partial sum of a worker; only that worker calls it, before its first step.
  package func enter(_ buffer: UnsafeMutablePointer<Float>, worker: Int, slot: Int) {
    assert(slot >= 0 && slot < slots && worker >= 0 && worker * slots < count, "No worker \(worker) has a sum \(slot).")
    sums[worker * slots + slot] = buffer
  }

  package func partialSum(worker: Int, slot: Int) -> UnsafeMutablePointer<Float> {
    assert(slot >= 0 && slot < slots && worker >= 0 && worker * slots < count, "No worker \(worker) has a sum \(slot).")
    guard let buffer = sums[worker * slots + slot] else {
      fatalError("Worker \(worker) has no gradient buffer \(slot).")
    }
    return buffer
  }

  package func distribute(_ range: Range<Int>, of group: Int) {
    assert(
      group >= 0 && group < groupCount && range.lowerBound >= 0,
      "Group \(group) of \(groupCount) has no floats \(range).")
    let own = results[group]
    for other in 0..<groupCount where other != group {
      (results[other] + range.lowerBound).update(from: own + range.lowerBound, count: range.count)
    }
  }
}
