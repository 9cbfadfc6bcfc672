import CNUMA
import Diagnostics
import Machine
import Synchronization
import Testing

@testable import Collectives

@Suite(.serialized)
struct WorkerGroupTests {
  @Test("workers know their places")
  func workersKnowTheirPlaces() throws {
    let placement = Placement(
      workers: (0..<4).map { Placement.Worker(cpu: nil, node: $0 / 2) }, notes: [])
    let seen = SharedInts(4)
    try WorkerGroup(placement: placement).run { context in
      seen.values[context.index] = context.node * 100 + context.count * 10 + (context.pinned ? 1 : 0)
    }
    #expect([Int](seen.values) == [40, 40, 140, 140])
  }

  /// Each group meets at its own barrier as often as it likes, and all meet at the common one.
  @Test("members of a group meet without the others", arguments: [[1], [4], [1, 1], [3, 2], [1, 5, 2, 1]])
  func membersMeetAlone(sizes: [Int]) throws {
    let nodes: [Int] = sizes.enumerated().flatMap { [Int](repeating: 10 * $0.offset, count: $0.element) }
    var placement = Placement(workers: nodes.map { Placement.Worker(cpu: nil, node: $0) }, notes: [])
    for index in placement.workers.indices { placement.workers[index].memoryNode = placement.workers[index].node }
    let group = try WorkerGroup(placement: placement)
    let meetings = SharedInts(sizes.count)
    let sums = SharedInts(nodes.count)
    try group.run { context in
      guard context.memoryNode == 10 * context.group, context.members.count == sizes[context.group],
        context.members.contains(context.index),
        (context.groupBarrier.barrier === context.barrier.barrier) == (sizes.count == 1)
      else { throw Mishap(worker: context.index) }
      // Group g meets 100·(g + 1) times; its first member counts between two meetings.
      for _ in 0..<100 * (context.group + 1) {
        if context.member == 0 { meetings.values[context.group] += 1 }
        try context.groupBarrier.wait()
        sums.values[context.index] += meetings.values[context.group]
        try context.groupBarrier.wait()
      }
      try context.barrier.wait()
      sums.values[context.index] += meetings.values.reduce(0, +)
    }
    let total = 100 * sizes.count * (sizes.count + 1) / 2
    for (worker, node) in nodes.enumerated() {
      let count = 100 * (node / 10 + 1)
      #expect(sums.values[worker] == count * (count + 1) / 2 + total, "worker \(worker)")
    }
  }

  @Test("a failure releases members of other groups")
  func aFailureFreesMembersOfOtherGroups() throws {
    var placement = unpinned(6)
    for index in placement.workers.indices { placement.workers[index].memoryNode = index / 2 }
    let group = try WorkerGroup(placement: placement)
    for _ in 0..<20 {
      #expect(throws: Mishap(worker: 5)) {
        try group.run { context in
          if context.index == 5 { throw Mishap(worker: 5) }
          for _ in 0..<1_000_000 { try context.groupBarrier.wait() }
          try context.barrier.wait()
        }
      }
    }
    // Whole again.
    try group.run { context in
      try context.groupBarrier.wait()
      try context.barrier.wait()
    }
  }

  @Test("the error of the lowest worker that failed by itself is rethrown")
  func theLowestFailureOfItsOwnIsRethrown() throws {
    let group = try WorkerGroup(placement: unpinned(8))
    for _ in 0..<50 {
      #expect(throws: Mishap(worker: 3)) {
        try group.run { context in
          // All meet first, so that both failures happen, whichever comes first; worker 0 fails only by the break.
          try context.barrier.wait()
          if context.index == 3 || context.index == 6 { throw Mishap(worker: context.index) }
          try context.barrier.wait()
        }
      }
    }
  }

  @Test("a break from outside is reported")
  func aBreakFromOutsideIsReported() throws {
    let group = try WorkerGroup(placement: unpinned(2))
    let running = group.start { context in
      if context.index == 0 { try context.barrier.wait() }
    }
    #expect(!running.wait(timeoutMilliseconds: 20))
    #expect(!running.isFinished)
    group.barrier.breakAll()
    #expect(throws: BarrierBroken.self) { try running.result() }
  }

  @Test("the caller stays free")
  func theCallerStaysFree() throws {
    let group = try WorkerGroup(placement: unpinned(3))
    let go = Atomic<Bool>(false)
    let running = group.start { _ in
      while !go.load(ordering: .acquiring) {}
    }
    #expect(!running.wait(timeoutMilliseconds: 0))
    #expect(!running.wait(timeoutMilliseconds: -5))
    go.store(true, ordering: .releasing)
    #expect(running.wait(timeoutMilliseconds: 60_000))
    try running.result()
  }

  @Test("workers are pinned and threads get their affinity back")
  func workersArePinnedAndThreadsGetTheirAffinityBack() throws {
    let usable = try ThreadAffinity.current()
    let cpus = [Int](usable)
    let placement = Placement(
      workers: (0..<6).map { Placement.Worker(cpu: cpus[$0 % cpus.count], node: 0) }, notes: [])
    let group = try WorkerGroup(placement: placement)
    let running = group.start { context in
      let mask = try ThreadAffinity.current()
      guard let cpu = context.cpu, mask == [cpu], context.pinned, Int(sched_getcpu()) == cpu else {
        throw Mishap(worker: context.index)
      }
      try context.barrier.wait()
    }
    try running.result()
    #expect(running.notes.isEmpty)
    // The same queues, hence threads of the same pool, which must be free again.
    let free = try WorkerGroup(placement: unpinned(6))
    try free.run { context in
      try context.barrier.wait()
      if try ThreadAffinity.current() != usable { throw Mishap(worker: context.index) }
    }
    #expect(try ThreadAffinity.current() == usable)
  }

  @Test("a refused pin is a note")
  func aRefusedPinIsANote() throws {
    let absent = 4_000
    let placement = Placement(
      workers: [Placement.Worker(cpu: absent, node: 0), Placement.Worker(cpu: nil, node: 0)], notes: [])
    let pinned = SharedInts(2)
    let running = try WorkerGroup(placement: placement).start { context in
      pinned.values[context.index] = context.pinned ? 1 : 0
      try context.barrier.wait()
    }
    try running.result()
    #expect([Int](pinned.values) == [0, 0])
    #expect(running.notes.count == 1)
    #expect(running.notes.first?.contains("worker 0 is not pinned to CPU 4000") == true)
  }

  /// More workers than one class of Dispatch queues has threads, on whatever CPUs there are.
  @Test("600 workers meet")
  func sixHundredWorkersMeet() throws {
    let meetings = 3
    let counts = SharedInts(600)
    let niceValues = SharedInts(600)
    let group = try WorkerGroup(placement: unpinned(600))
    let usable = try ThreadAffinity.current().count
    #expect(group.barrier.spinPauses == 0 || usable >= 600)
    let running = group.start { context in
      niceValues.values[context.index] = ThreadPriority.current() ?? 99
      for _ in 0..<meetings {
        counts.values[context.index] += 1
        try context.barrier.wait()
      }
    }
    if !running.wait(timeoutMilliseconds: 120_000) { group.barrier.breakAll() }
    try running.result()
    #expect(counts.values.allSatisfy { $0 == meetings })
    // The third class has the nice value 2, which only the privileged can undo.
    #expect(Set(niceValues.values.prefix(2 * QueueSlots.perClass)) == [ThreadPriority.ofProcess() ?? 99])
  }

  /// The error of a run whose threads are taken by others between its first check and its start.
  @Test("workers that cannot start are counted")
  func workersThatCannotStartAreCounted() throws {
    let running = RunningWorkers(group: try WorkerGroup(placement: unpinned(3)), startSeconds: 0.25)
    #expect(running.begin())
    running.finish()
    #expect {
      try running.result()
    } throws: { error in
      let error = error as? UserError
      return error?.category == .systemRefused && error?.message.contains("only 1 of 3 could be started (") == true
    }
    #expect(!running.begin(), "a thread that comes late has nothing to do")
  }

  @Test("too many workers are refused")
  func tooManyWorkersAreRefused() throws {
    #expect {
      _ = try WorkerGroup(placement: unpinned(100_000))
    } throws: { error in
      let error = error as? UserError
      return error?.category == .systemRefused && error?.message.contains("100000") == true
    }
    // Whatever was reserved is free again.
    for _ in 0..<4 { try WorkerGroup(placement: unpinned(500)).run { _ in } }
  }
}
