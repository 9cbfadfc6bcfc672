import Machine

/// Thrown by `Barrier.wait` once a participant has given up: the others must leave too.
package struct BarrierBroken: Error, Hashable, Sendable, CustomStringConvertible {
  package init() {}
  package var description: String { "another worker failed" }
}

/// A reusable meeting point: no participant passes before all have arrived.
///
/// Whatever a participant wrote before `wait`, every participant may read after it, plain memory included.
/// A waiter spins for `spinPauses` pauses, then sleeps on a futex; `wait` never allocates.
///
/// Barriers can form a tree: the last to arrive at one with an `outer` barrier waits there for the last of each other one
/// before it releases its own, so that only one of each node's workers touches what nodes share.
///
///     arrived   how many are here; the last to arrive sets it back to 0, meets the others in `outer` …
///     phase     … and then adds 2 here, which releases its own; bit 0 says the barrier is broken in this phase
///     sleepers  how many sleep on `phase`, so that a phase without sleepers costs no system call
package final class Barrier: Sendable {
  private static let brokenBit: UInt32 = 1
  /// A phase steps over the broken bit and may wrap: a participant is never more than one phase behind.
  private static let phaseStep: UInt32 = 2
  /// About 35 µs where a pause takes 16 ns: as long as sleeping and being woken took there. Passing without sleep: 0.2 µs.
  package static let defaultSpinPauses: Int = 2_000

  package let participants: Int
  package let spinPauses: Int
  private let outer: Barrier?
  private let arrived = CacheLineWord(0)
  private let phase = CacheLineWord(0)
  private let sleepers = CacheLineWord(0)

  /// `spinPauses` is 0 if participants outnumber CPUs: spinning would hold up those awaited.
  ///
  /// With `outer`, whose participants are barriers such as this one, `wait` meets the participants of all of them.
  /// - Precondition: `participants` ≥ 1 and `spinPauses` ≥ 0.
  package init(participants: Int, spinPauses: Int = Barrier.defaultSpinPauses, outer: Barrier? = nil) {
    precondition(participants >= 1, "A barrier needs a participant, not \(participants).")
    precondition(spinPauses >= 0, "A waiter cannot spin \(spinPauses) times.")
    self.participants = participants
    self.spinPauses = spinPauses
    self.outer = outer
  }

  /// Returns when all participants have called it as often as the caller.
  ///
  /// A phase breaks for all of its participants or for none.
  /// - Throws: `BarrierBroken` if `breakAll` came before the last participant did.
  package func wait() throws(BarrierBroken) { try wait(nil, 0) }

  /// The same; `log` records that `worker` is counted and waits. The last to arrive is not recorded: it holds up all others.
  func wait(_ log: MeetingLog?, _ worker: Int) throws(BarrierBroken) {
    let before: UInt32 = phase.load()
    guard before & Self.brokenBit == 0 else { throw BarrierBroken() }
    if arrived.add(1) == UInt32(participants) {
      arrived.storeRelaxed(0)
      try outer?.wait(log, worker)
      guard phase.exchange(before, for: before &+ Self.phaseStep) else { throw BarrierBroken() }
      if sleepers.loadOrdered() != 0 { phase.wakeAll() }
    } else {
      log?.set(.waiting, worker)
      var now: UInt32 = phase.load()
      var pausesLeft = spinPauses
      while now == before, pausesLeft > 0 {
        Futex.pause()
        pausesLeft -= 1
        now = phase.load()
      }
      if now == before { now = sleep(while: before) }
      // A barrier broken after the phase was complete releases its waiters, and stops them at the next.
      guard now != before | Self.brokenBit else { throw BarrierBroken() }
    }
  }

  /// Releases every present and future waiter with `BarrierBroken`; a participant that cannot continue calls it, on all
  /// barriers of a tree.
  ///
  /// Waiters of a phase that is complete already leave it as usual.
  package func breakAll() {
    phase.setBits(Self.brokenBit)
    phase.wakeAll()
  }

  /// Makes a broken barrier whole again, at the even number `phase`. No participant may be inside `wait`.
  func reset(phase number: UInt32 = 0) {
    arrived.storeRelaxed(0)
    phase.storeRelaxed(number & ~Self.brokenBit)
  }

  /// The sleeper counts itself before the futex compares `phase`, the last to arrive changes `phase` before it reads
  /// the count: in one order of both, either the futex sees the new phase or the count is seen.
  private func sleep(while before: UInt32) -> UInt32 {
    _ = sleepers.add(1)
    var now: UInt32 = phase.load()
    while now == before {
      phase.sleep(while: before)
      now = phase.load()
    }
    _ = sleepers.add(UInt32.max)
    return now
  }
}
