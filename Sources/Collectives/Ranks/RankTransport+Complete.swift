import Diagnostics
import Glibc
import Machine

extension RankTransport {
  /// Polls until all that was started is done: at first without pause but for other threads, then every 50 µs.
  ///
  /// - Parameters:
  ///   - timeoutSeconds: the longest that it may take, without time in which the process itself did not run.
  ///   - subject: what errors call the exchange, such as its step.
  /// - Throws: `UserError` (71) naming the ranks that did not answer.
  package func complete(timeoutSeconds: Double, subject: @autoclosure () -> String) throws(UserError) {
    var wait = TransportWait()
    while try !poll() {
      try wait.look(timeoutSeconds, self, subject: subject())
      if wait.nanoseconds < busyNanoseconds { sched_yield() } else { usleep(50) }
    }
  }

  fileprivate func silence(_ seconds: Double, _ subject: String) -> UserError {
    let peers = unfinishedPeers.map { "rank \($0) on \(hosts[$0])" }
    let names =
      peers.count > 1 ? peers.dropLast().joined(separator: ", ") + " and " + peers[peers.count - 1] : peers.first
    let time = seconds < 10 ? "\(seconds)" : "\(Int(seconds))"
    return UserError(
      .systemRefused, subject,
      "\(names ?? "another rank") \(peers.count > 1 ? "have" : "has") not answered for \(time) s",
      hint: "the other ranks' messages may say why; runtime.mpi.timeout_seconds sets how long ranks wait")
  }
}

/// How long other ranks have not answered.
struct TransportWait {
  private var watch = Stopwatch()
  private var last: UInt64 = 0
  /// Without time in which the process itself did not run.
  private(set) var nanoseconds: UInt64 = 0

  /// - Throws: as `complete`.
  mutating func look(
    _ timeoutSeconds: Double, _ transport: some RankTransport, subject: @autoclosure () -> String
  ) throws(UserError) {
    let now = watch.look()
    nanoseconds += min(now - last, longestLook)
    last = now
    if Double(nanoseconds) * 1e-9 > timeoutSeconds { throw transport.silence(timeoutSeconds, subject()) }
  }
}

/// The most that one look adds: a process that was suspended has not waited.
private let longestLook: UInt64 = 1_000_000_000
/// How long polling does without pauses.
private let busyNanoseconds: UInt64 = 50_000_000
