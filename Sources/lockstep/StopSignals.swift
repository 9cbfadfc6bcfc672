import Glibc
import Training

/// SIGINT and SIGTERM during a run: the first asks it to stop after its step, the second ends the process at once.
enum StopSignals {
  /// Blocks both signals in the calling thread and all it starts from now on, and waits for them on a thread of its own.
  ///
  /// Call it once, before other threads start: a signal goes to any thread that does not block it.
  static func watch(_ stop: StopFlag) {
    var signals: sigset_t = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    var thread: pthread_t = pthread_t()
    let context: UnsafeMutableRawPointer = Unmanaged.passRetained(stop).toOpaque()
    let status: Int32 = pthread_create(&thread, nil, { StopSignals.wait($0) }, context)
    guard status == 0 else {
      // Without the thread the signals must end the process as they do by default.
      Unmanaged<StopFlag>.fromOpaque(context).release()
      pthread_sigmask(SIG_UNBLOCK, &signals, nil)
      return
    }
    pthread_detach(thread)
  }

  private static func wait(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context: UnsafeMutableRawPointer else { return nil }
    let stop: StopFlag = Unmanaged<StopFlag>.fromOpaque(context).takeRetainedValue()
    var signals: sigset_t = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    var number: Int32 = 0
    var isRepeated: Bool = false
    while true {
      guard sigwait(&signals, &number) == 0 else { continue }
      guard !isRepeated else {
        StandardStreams.log("\n")
        _exit(128 + number)
      }
      isRepeated = true
      stop.request()
    }
  }
}
