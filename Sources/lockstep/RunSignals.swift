import Glibc
import Training

/// Signals during a run.
///
/// The first SIGINT or SIGTERM asks it to stop after its step, a second one ends the process at once; SIGUSR1 asks for
/// a checkpoint. SIGXFSZ and SIGPIPE are ignored: the write that meets the limit or the closed pipe fails instead.
enum RunSignals {
  /// Blocks the signals in the calling thread and all it starts from now on, and waits for them on a thread of its own.
  ///
  /// Call it once, before other threads start: a signal goes to any thread that does not block it.
  static func watch(_ stop: StopFlag) {
    signal(SIGXFSZ, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    var signals: sigset_t = watched()
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    var thread: pthread_t = pthread_t()
    let context: UnsafeMutableRawPointer = Unmanaged.passRetained(stop).toOpaque()
    let status: Int32 = pthread_create(&thread, nil, { RunSignals.wait($0) }, context)
    guard status == 0 else {
      // Without the thread the signals must end the process as they do by default.
      Unmanaged<StopFlag>.fromOpaque(context).release()
      pthread_sigmask(SIG_UNBLOCK, &signals, nil)
      return
    }
    pthread_detach(thread)
  }

  private static func watched() -> sigset_t {
    var signals: sigset_t = sigset_t()
    sigemptyset(&signals)
    for number: Int32 in [SIGINT, SIGTERM, SIGUSR1] { sigaddset(&signals, number) }
    return signals
  }

  private static func wait(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context: UnsafeMutableRawPointer else { return nil }
    let stop: StopFlag = Unmanaged<StopFlag>.fromOpaque(context).takeRetainedValue()
    var signals: sigset_t = watched()
    var number: Int32 = 0
    while true {
      guard sigwait(&signals, &number) == 0 else { continue }
      if number == SIGUSR1 {
        stop.requestCheckpoint()
      } else if stop.isRequested {
        StandardStreams.log("\n")
        _exit(128 + number)
      } else {
        stop.request()
      }
    }
  }
}
