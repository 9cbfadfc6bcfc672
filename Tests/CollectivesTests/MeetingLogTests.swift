import Machine
import Testing

@testable import Collectives

/// Which worker holds up the others, found from the barriers that each one entered.
@Suite struct MeetingLogTests {
  /// What a worker does, in one letter each: a meeting of all, a meeting of its group, being counted there, leaving it.
  private func log(_ groups: [Range<Int>], _ workers: [String]) -> MeetingLog {
    let log = MeetingLog(groups: groups)
    for (worker, text) in workers.enumerated() {
      for letter in text {
        switch letter {
        case "A", "G": log.enter(worker, ofAll: letter == "A")
        case "w": log.set(.waiting, worker)
        default: log.set(.outside, worker)
        }
      }
    }
    return log
  }

  @Test(
    "workers of one group that hold it up are named",
    arguments: [
      // Stopped before it is counted, while it waits, after it was let go, and before it comes at all.
      (["Aw", "A", "Aw"], [1]), (["AwoGw", "AwoGw", "Aw"], [2]), (["AwoGw", "Ao", "AwoGw"], [1]),
      (["AwoGw", "AwoGw", "AwoGwo"], [2]), (["AwoAw", "AwoAw", ""], [2]), (["GwoAw", "GwoAw", "GwoA"], [2]),
      // Two of them, and it is not known which.
      (["Aw", "A", "A"], [1, 2]), (["Aw", "Aw", "Aw"], [0, 1, 2]),
    ])
  func oneGroup(workers: [String], behind: [Int]) {
    #expect(log([0..<3], workers).behind() == behind)
  }

  /// Groups may meet each other's members less often than their own.
  @Test(
    "workers of two groups are named at the barrier that holds them up",
    arguments: [
      (["AwoAw", "AwoAw", "AwoGwoAw", "AwoGwoA"], [3]), (["AwoAw", "AwoAw", "AwoGwo", "AwoGwoAw"], [2]),
      (["AwoGw", "Awo", "AwoGwoGwoAw", "AwoGwoGwoAw"], [1]), (["Aw", "A", "AwoGw", "AwoGw"], [1]),
    ])
  func twoGroups(workers: [String], behind: [Int]) {
    #expect(log([0..<2, 2..<4], workers).behind() == behind)
  }

  /// Every worker in turn stays away from the third meeting; all others wait at it.
  @Test("a real worker that stays away is named", arguments: 0..<4)
  func ofRealWorkers(late: Int) throws {
    var placement = unpinned(4)
    for index in placement.workers.indices { placement.workers[index].memoryNode = index / 2 }
    let group = try WorkerGroup(placement: placement)
    let gate = Barrier(participants: 2)
    let running = group.start { context in
      for meeting in 0..<3 {
        if meeting == 2, context.index == late { try gate.wait() }
        try context.barrier.wait()
        if context.group == 1 { try context.groupBarrier.wait() }
        try context.groupBarrier.wait()
      }
    }
    while (0..<4).contains(where: { $0 != late && MeetingLog.place(group.log.word($0)) == .outside })
      || group.log.behind() != [late]
    { #expect(!running.wait(timeoutMilliseconds: 1)) }
    try gate.wait()
    try running.result()
  }
}
