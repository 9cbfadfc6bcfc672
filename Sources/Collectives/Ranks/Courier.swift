import Diagnostics
import Dispatch
import Machine

/// What the ranks of a job exchange in a run, errand by errand; called on the courier's thread alone.
package protocol Errands: AnyObject, Sendable {
  /// Starts all messages of an errand; everything that it sends is written, and nobody reads where it receives.
  func begin(_ errand: UInt32, over transport: any RankTransport) throws(UserError)
  /// Takes in what has come, once all of the errand's messages are done.
  func finish(_ errand: UInt32) throws(UserError)
  /// What errors call an errand, such as its step.
  func subject(_ errand: UInt32) -> String
}

/// The thread of a rank that speaks with the other ranks, and in a run the only one that does.
///
///     workers   … compute ─┃─ one asks ─── all wait ───────────────┐┌─ go on
///     courier   … sleep ───┃──────────└─► begin, poll, poll, finish ┘  sleep, poll now and then
///
/// ┃ is a barrier of all workers. The thread is pinned to no CPU: the system finds room for it, which there is while all
/// workers wait. It never blocks in a call; while workers compute it polls now and then, for ranks that still receive.
///
/// On one errand at a time it can be sent behind the workers' computing, who wait for it later or, if another one follows
/// that they wait for, with that; meanwhile it polls every 200 µs.
///
/// `@unchecked Sendable`: an entry of `errands` is written by the worker that asks, before it says so in `asked`; `failure` by
/// the courier before it says so in `hasFailed`.
package final class Courier: @unchecked Sendable {
  private static let leave: UInt32 = 0
  /// How long it sleeps at most between polls, at first and in the end.
  private static let idlePauses: (first: UInt64, longest: UInt64) = (100_000, 1_000_000)
  /// The same with messages on the way.
  private static let pauseBehind: UInt64 = 200_000
  /// How long messages on the way at the end of a run may take.
  private static let farewellSeconds = 1.0

  private let transport: any RankTransport
  private let timeoutSeconds: Double
  private let spinPauses: Int
  private let queue = DispatchQueue(label: "lockstep.courier", qos: .userInitiated)
  /// Errands so far; those that are done of the ones that workers wait for, and of those behind computing.
  private let asked = CacheLineWord(0)
  private let answered = CacheLineWord(0)
  private let doneBehind = CacheLineWord(0)
  /// 1 once something went wrong, after which nothing more is answered.
  private let hasFailed = CacheLineWord(0)
  /// 1 while the thread is in its loop.
  private let isOut = CacheLineWord(0)
  /// The last errands by their number: two at most are asked for before the first begins.
  private let errands: UnsafeMutablePointer<Order>
  private var failure: UserError?

  private struct Order {
    var errand: UInt32
    var isBehind: Bool
  }

  /// An errand behind the workers' computing, whose messages are on the way.
  private struct Outing {
    let errand: UInt32
    var wait = TransportWait()
  }

  /// - Parameter spinPauses: how long workers wait for an answer before they sleep, as at a `Barrier`.
  package init(_ job: Job, spinPauses: Int) {
    transport = job.transport
    timeoutSeconds = job.timeoutSeconds
    self.spinPauses = spinPauses
    errands = .allocate(capacity: 4)
    errands.initialize(repeating: Order(errand: Self.leave, isBehind: false), count: 4)
  }

  deinit { errands.deallocate() }

  /// Begins to wait for errands, which `errands` knows. Call it from a thread that is not pinned, and `stop` after the run.
  package func start(_ errands: any Errands) {
    precondition(hasFailed.load() == 0 && isOut.exchange(0, for: 1), "A courier does one run's errands at a time.")
    let done = asked.load()
    doneBehind.storeRelaxed(0)
    queue.async { self.run(errands, done: done) }
  }

  /// Ends the thread, if it is in its loop, when the workers have finished.
  package func stop() {
    guard isOut.load() == 1 else { return }
    ask(Self.leave)
    while isOut.load() == 1 { isOut.sleep(while: 1) }
  }

  /// The errands that have been answered: what a worker reads before the barrier, for `wait` after it.
  package var turn: UInt32 { answered.load() }

  /// Sends the courier on an errand, not 0; by one worker at a time, once all have written what it sends.
  ///
  /// - Parameter isBehind: whether nobody waits for an answer; `waitBehind` tells when it is done, or an answer to a later errand.
  package func ask(_ errand: UInt32, isBehind: Bool = false) {
    errands[Int(asked.load() % 4)] = Order(errand: errand, isBehind: isBehind)
    _ = asked.add(1)
    asked.wakeAll()
  }

  /// Waits until the errand after `turn` is done; what came can then be read.
  ///
  /// - Throws: what went wrong, the same for every worker.
  package func wait(after turn: UInt32) throws(UserError) { try wait(while: turn, answered) }

  /// Waits until so many errands behind computing are done since `start`, all but the last of which are.
  ///
  /// - Throws: as `wait`.
  package func waitBehind(_ count: UInt32) throws(UserError) { try wait(while: count &- 1, doneBehind) }

  private func wait(while count: UInt32, _ word: borrowing CacheLineWord) throws(UserError) {
    var pausesLeft = spinPauses
    while word.load() == count, hasFailed.load() == 0 {
      if pausesLeft > 0 {
        Futex.pause()
        pausesLeft -= 1
      } else {
        word.sleep(while: count)
      }
    }
    if hasFailed.load() != 0, let failure { throw failure }
  }

  private func run(_ errands: any Errands, done: UInt32) {
    var done = done
    var outing: Outing?
    while true {
      do throws(UserError) {
        try waitForErrand(after: done, &outing, errands)
        let order = self.errands[Int(done % 4)]
        done &+= 1
        guard order.errand != Self.leave else {
          if outing != nil { try? transport.complete(timeoutSeconds: Self.farewellSeconds, subject: "") }
          break
        }
        try errands.begin(order.errand, over: transport)
        if order.isBehind {
          assert(outing == nil, "A courier is on one errand behind computing at a time.")
          outing = Outing(errand: order.errand)
          continue
        }
        try transport.complete(timeoutSeconds: timeoutSeconds, subject: errands.subject(order.errand))
        try end(&outing, errands)
        try errands.finish(order.errand)
      } catch {
        failure = error
      }
      if failure != nil { _ = hasFailed.add(1) }
      _ = answered.add(1)
      answered.wakeAll()
      guard failure != nil else { continue }
      _ = doneBehind.add(1)
      doneBehind.wakeAll()
      break
    }
    _ = isOut.exchange(1, for: 0)
    isOut.wakeAll()
  }

  private func waitForErrand(
    after done: UInt32, _ outing: inout Outing?, _ errands: any Errands
  ) throws(UserError) {
    var pause = Self.idlePauses.first
    while asked.load() == done {
      asked.sleep(while: done, timeoutNanoseconds: outing == nil ? pause : Self.pauseBehind)
      guard asked.load() == done else { return }
      let isDone = try transport.poll()
      guard let errand = outing?.errand else {
        pause = min(2 * pause, Self.idlePauses.longest)
        continue
      }
      if isDone {
        try end(&outing, errands)
      } else {
        try outing?.wait.look(timeoutSeconds, transport, subject: errands.subject(errand))
      }
    }
  }

  /// Takes in what an errand behind computing has brought, once its messages are done.
  private func end(_ outing: inout Outing?, _ errands: any Errands) throws(UserError) {
    guard let errand = outing?.errand else { return }
    outing = nil
    try errands.finish(errand)
    _ = doneBehind.add(1)
    doneBehind.wakeAll()
  }
}
