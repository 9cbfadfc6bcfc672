import Diagnostics
import Glibc

/// How many threads the system lets this process have, found out by making them.
///
/// Why not by waiting for Dispatch: where a thread cannot be made, it tries again for ever.
package enum ThreadSupply {
  /// As long as Dispatch keeps threads of earlier work, and a little.
  private static let patienceSeconds: Int = 6

  /// Sees to it that `count` threads can be made, which it makes and lets end again; waits some seconds for threads of
  /// earlier work to end.
  ///
  /// - Throws: `UserError(.systemRefused)` about `subject`, with the number of threads that there were and their limit.
  package static func require(_ count: Int, for subject: String, _ purpose: String) throws(UserError) {
    var last: (made: Int, limit: String?) = probe(count)
    for _ in 0..<4 * patienceSeconds where last.limit != nil {
      usleep(250_000)
      last = probe(count)
    }
    guard let limit: String = last.limit else { return }
    throw refusal(subject, purpose, count: count, made: last.made, limit: limit)
  }

  /// As many threads as Dispatch may make for work that it spreads.
  package static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// Whether `count` threads can be made at this moment.
  package static func allows(_ count: Int) -> Bool { probe(count).limit == nil }

  /// What a run says that has fewer threads than it needs.
  package static func refusal(
    _ subject: String, _ purpose: String, count: Int, made: Int, limit: String
  ) -> UserError {
    UserError(
      .systemRefused, subject,
      "\(purpose) \(count == 1 ? "needs a thread" : "need \(count) threads"), but only \(made) of \(count) could be "
        + "started (\(limit))",
      hint: made > 0
        ? "use at most \(made) \(made == 1 ? "worker" : "workers"), or raise the limit" : "raise the limit")
  }

  /// Makes up to `count` threads that live at the same time; what limits them where one is refused.
  private static func probe(_ count: Int) -> (made: Int, limit: String?) {
    let gate: UnsafeMutablePointer<pthread_mutex_t> = .allocate(capacity: 1)
    defer { gate.deallocate() }
    pthread_mutex_init(gate, nil)
    pthread_mutex_lock(gate)
    var threads: [pthread_t] = []
    var limit: String?
    while threads.count < count, limit == nil {
      var thread: pthread_t = pthread_t()
      let status: Int32 = pthread_create(
        &thread, nil,
        { gate in
          guard let gate = gate?.assumingMemoryBound(to: pthread_mutex_t.self) else { return nil }
          pthread_mutex_lock(gate)
          pthread_mutex_unlock(gate)
          return nil
        }, gate)
      if status == 0 { threads.append(thread) } else { limit = Self.limit(status, SystemFiles(root: "/")) }
    }
    pthread_mutex_unlock(gate)
    for thread in threads { pthread_join(thread, nil) }
    pthread_mutex_destroy(gate)
    return (threads.count, limit)
  }

  /// What keeps this process from making another thread, as far as the system tells; all limits where none is reached.
  package static func limit(_ status: Int32 = EAGAIN) -> String { limit(status, SystemFiles(root: "/")) }

  static func limit(_ status: Int32, _ files: SystemFiles) -> String {
    var known: [String] = []
    for group in ControlGroups(files).groups(controller: "pids") {
      guard let limit: Int = files.number("\(group.folder)/pids.max") else { continue }
      let text: String = "pids.max of control group \(group.name) is \(limit)"
      if let used: Int = files.number("\(group.folder)/pids.current"), used >= limit { return text }
      known.append(text)
    }
    if let memory: AvailableMemory = ResourceLimits.availableMemory(files) {
      let text: String = "\(memory.source), leaves \(memory.bytes >> 20) MiB"
      if memory.bytes < ResourceLimits.stackBytes() + (1 << 20) { return text }
      known.append(text)
    }
    if let processes: Int = ResourceLimits.processes() {
      known.append("RLIMIT_NPROC, ulimit -u, is \(processes)")
    }
    return ([reason(status)] + known).joined(separator: "; ")
  }
}
