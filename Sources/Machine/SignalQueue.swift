import CNUMA
import Glibc

/// Signals that one thread reads in turn, instead of handlers that interrupt running code.
///
/// Why not `sigwait`: a thread that sleeps in it does not block the signals, so it would take the SIGUSR1 with which the
/// crash handler of Swift's runtime stops the other threads, and a crash would wait for it forever.
package struct SignalQueue: Sendable {
  private let descriptor: Int32

  /// Blocks `signals` in the calling thread and in all that it starts from now on.
  ///
  /// Create it before other threads start: a signal goes to any thread that does not block it.
  /// - Returns: `nil` if the system refuses; nothing is blocked then.
  package init?(_ signals: [Int32]) {
    var mask: sigset_t = Self.mask(signals)
    descriptor = signalfd(-1, &mask, Int32(SFD_CLOEXEC))
    guard descriptor >= 0 else { return nil }
    pthread_sigmask(SIG_BLOCK, &mask, nil)
  }

  /// Sleeps until one of the signals comes to the process or the calling thread; `nil` if it cannot be read.
  package func next() -> Int32? {
    var signal: signalfd_siginfo = signalfd_siginfo()
    while true {
      let count = read(descriptor, &signal, MemoryLayout<signalfd_siginfo>.size)
      if count < 0, errno == EINTR { continue }
      return count == MemoryLayout<signalfd_siginfo>.size ? Int32(bitPattern: signal.ssi_signo) : nil
    }
  }

  /// Restores the usual effect of `signals` in the calling thread.
  package static func unblock(_ signals: [Int32]) {
    var mask: sigset_t = mask(signals)
    pthread_sigmask(SIG_UNBLOCK, &mask, nil)
  }

  private static func mask(_ signals: [Int32]) -> sigset_t {
    var mask: sigset_t = sigset_t()
    sigemptyset(&mask)
    for number in signals { sigaddset(&mask, number) }
    return mask
  }
}
