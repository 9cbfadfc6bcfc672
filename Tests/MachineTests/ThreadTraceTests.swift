import Foundation
import Machine
import Testing

struct ThreadTraceTests {
  /// Runs `body` on a thread of its own, whose affinity it may change.
  private func onThread(_ body: @escaping @Sendable () throws -> Void) throws {
    nonisolated(unsafe) var failure: (any Error)?
    let done = DispatchSemaphore(value: 0)
    Thread {
      do { try body() } catch { failure = error }
      done.signal()
    }.start()
    done.wait()
    if let failure { throw failure }
  }

  @Test("a pinned thread stays")
  func aPinnedThreadStays() throws {
    let cpu = try #require(try ThreadAffinity.current().last)
    try onThread {
      try ThreadAffinity.pin(to: cpu)
      var trace = ThreadTrace()
      for _ in 0..<1_000 { trace.look() }
      let (cpus, migrations): (CPUSet, Int) = (trace.cpus, trace.migrations())
      #expect(cpus == [cpu] && migrations == 0)
    }
  }

  @Test("every move is seen")
  func everyMoveIsSeen() throws {
    let cpus = [Int](try ThreadAffinity.current())
    try #require(cpus.count > 1, "A thread cannot move on one CPU.")
    try onThread {
      try ThreadAffinity.pin(to: cpus[0])
      var trace = ThreadTrace()
      for turn in 1...6 {
        try ThreadAffinity.pin(to: cpus[turn % 2])
        trace.look()
      }
      let (seen, migrations): (CPUSet, Int) = (trace.cpus, trace.migrations())
      #expect(seen == [cpus[0], cpus[1]])
      #expect(migrations == 6)
    }
  }
}
