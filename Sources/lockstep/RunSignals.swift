import Glibc
import Machine
import Synchronization
import Training

/// Signals during a run.
///
/// The first SIGINT, SIGTERM or SIGHUP asks it to stop after its step. Another one ends the process at once, but only if it
/// comes a second later: `timeout`, schedulers and launchers send two in a row. SIGUSR2 asks it to stop and never ends it.
/// SIGUSR1 asks for a checkpoint. SIGPIPE is ignored: a write to the closed pipe fails instead.
enum RunSignals {
  /// What the thread that waits for signals holds.
  private final class Watch: Sendable {
    let queue: SignalQueue
    let stop: StopFlag
    init(_ queue: SignalQueue, _ stop: StopFlag) { (self.queue, self.stop) = (queue, stop) }
  }

  /// Seconds after the first request to stop from which another one counts.
  private static let patience = 1.0

  private static let isWatching = Atomic<Bool>(false)

  /// Blocks the signals in the calling thread and all it starts from now on, and waits for them on a separate thread.
  ///
  /// Call it before other threads start: a signal goes to any thread that does not block it. Only the first call counts. If
  /// SIGHUP was ignored, as under `nohup`, it stays so.
  static func watch(_ stop: StopFlag) {
    guard !isWatching.exchange(true, ordering: .relaxed) else { return }
    signal(SIGPIPE, SIG_IGN)
    var hangUp: sigaction = sigaction()
    sigaction(SIGHUP, nil, &hangUp)
    let ignoresHangUp: Bool = unsafeBitCast(hangUp.__sigaction_handler.sa_handler, to: Int.self) == 1
    let watched: [Int32] = [SIGINT, SIGTERM, SIGUSR1, SIGUSR2] + (ignoresHangUp ? [] : [SIGHUP])
    guard let queue = SignalQueue(watched) else { return }
    var thread: pthread_t = pthread_t()
    let context = Unmanaged.passRetained(Watch(queue, stop))
    let status: Int32 = pthread_create(&thread, nil, { RunSignals.wait($0) }, context.toOpaque())
    guard status == 0 else {
      // Without the thread the signals must end the process as they do by default.
      context.release()
      SignalQueue.unblock(watched)
      return
    }
    pthread_detach(thread)
  }

  private static func wait(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let watch = Unmanaged<Watch>.fromOpaque(context).takeRetainedValue()
    var firstStop: Double?
    while let number = watch.queue.next() {
      switch number {
      case SIGUSR1: watch.stop.requestCheckpoint()
      case SIGUSR2: watch.stop.request()
      default:
        let now = StandardStreams.seconds()
        if let firstStop, now - firstStop >= patience {
          StandardStreams.clearLines()
          _exit(128 + number)
        }
        firstStop = firstStop ?? now
        watch.stop.request()
      }
    }
    return nil
  }
}
