/// Counts the workers that have come to a point in each of many rounds, where none of them waits for the others.
///
/// What a worker wrote before it arrived can be read by all who find the round complete.
package final class ArrivalCounter: Sendable {
  private let arrivals = CacheLineWord(0)
  private let workers: UInt32

  package init(workers: Int) {
    precondition(workers >= 1, "A round of \(workers) workers is never complete.")
    self.workers = UInt32(workers)
  }

  /// Before the first round of a run, while no worker runs.
  package func reset() { arrivals.storeRelaxed(0) }

  /// Once in each round by each worker, the first being 1; true for the last of the round.
  package func arrive(round: UInt32) -> Bool { arrivals.add(1) == round &* workers }

  /// Whether all workers have arrived in a round.
  package func isComplete(round: UInt32) -> Bool {
    Int32(bitPattern: arrivals.load() &- round &* workers) >= 0
  }
}
