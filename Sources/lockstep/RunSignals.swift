import Glibc
import Machine
import Training

/// Signals during a run.
///
/// The first SIGINT or SIGTERM asks it to stop after its step, a second one ends the process at once; SIGUSR1 asks for
/// a checkpoint. SIGXFSZ and SIGPIPE are ignored: the write that meets the limit or the closed pipe fails instead.
enum RunSignals {
  private static let watched: [Int32] = [SIGINT, SIGTERM, SIGUSR1]

  /// What the thread that waits for signals holds.
  private final class Watch: Sendable {
    let queue: SignalQueue
    let stop: StopFlag
    init(_ queue: SignalQueue, _ stop: StopFlag) { (self.queue, self.stop) = (queue, stop) }
  }

  /// Blocks the signals in the calling thread and all it starts from now on, and waits for them on a thread of its own.
  ///
  /// Call it once, before other threads start: a signal goes to any thread that does not block it.
  static func watch(_ stop: StopFlag) {
    signal(SIGXFSZ, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    guard let queue: SignalQueue = SignalQueue(watched) else { return }
    var thread: pthread_t = pthread_t()
    let context: Unmanaged<Watch> = Unmanaged.passRetained(Watch(queue, stop))
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
    guard let context: UnsafeMutableRawPointer else { return nil }
    let watch: Watch = Unmanaged<Watch>.fromOpaque(context).takeRetainedValue()
    while let number: Int32 = watch.queue.next() {
      if number == SIGUSR1 {
        watch.stop.requestCheckpoint()
      } else if watch.stop.isRequested {
        StandardStreams.log("\n")
        _exit(128 + number)
      } else {
        watch.stop.request()
      }
    }
    return nil
  }
}
