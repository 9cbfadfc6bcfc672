import Diagnostics
import Glibc

/// How many threads the system lets this process have, found out by creating them.
///
/// Why not by waiting for Dispatch: if a thread cannot be created, it tries again forever.
package enum ThreadSupply {
  /// A little longer than Dispatch keeps threads of earlier work.
  private static let patienceSeconds = 6

  /// Ensures that `count` threads can be created, by creating them and letting them end; waits some seconds for threads of
  /// earlier work to end.
  ///
  /// - Throws: `UserError(.systemRefused)` about `subject`, with the number of threads that there were and their limit.
  package static func require(_ count: Int, for subject: String, _ purpose: String) throws(UserError) {
    var last: (made: Int, limit: String?) = probe(count)
    for _ in 0..<4 * patienceSeconds where last.limit != nil {
      usleep(250_000)
      last = probe(count)
    }
    guard let limit = last.limit else { return }
    throw refusal(subject, purpose, count: count, made: last.made, limit: limit)
  }

  /// As many threads as Dispatch may make for work that it spreads.
  package static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// Whether `count` threads can be created at this moment.
  package static func allows(_ count: Int) -> Bool { probe(count).limit == nil }

  /// The error of a run that has fewer threads than it needs.
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

  /// Creates up to `count` threads that live at the same time; if one is refused, says what limits them.
  private static func probe(_ count: Int) -> (made: Int, limit: String?) {
    let gate: UnsafeMutablePointer<pthread_mutex_t> = .allocate(capacity: 1)
    defer { gate.deallocate() }
    pthread_mutex_init(gate, nil)
    pthread_mutex_lock(gate)
    var threads: [pthread_t] = []
    var limit: String?
    while threads.count < count, limit == nil {
      var thread: pthread_t = pthread_t()
      let status = pthread_create(
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

  /// What keeps this process from creating another thread, as far as the system says; all limits if none is reached.
  package static func limit(_ status: Int32 = EAGAIN) -> String { limit(status, SystemFiles(root: "/")) }

  static func limit(_ status: Int32, _ files: SystemFiles) -> String {
    var known: [String] = []
    for group in ControlGroups(files).groups(controller: "pids") {
      guard let limit = files.number("\(group.folder)/pids.max") else { continue }
      let text = "pids.max of control group \(group.name) is \(limit)"
      if let used = files.number("\(group.folder)/pids.current"), used >= limit { return text }
      known.append(text)
    }
    if let memory = ResourceLimits.availableMemory(files) {
      let text = "\(memory.source), leaves \(memory.bytes >> 20) MiB"
      if memory.bytes < ResourceLimits.stackBytes() + (1 << 20) { return text }
      known.append(text)
    }
    if let processes = ResourceLimits.processes() {
      known.append("RLIMIT_NPROC, ulimit -u, is \(processes)")
    }
    return ([reason(status)] + known).joined(separator: "; ")
  }
}
