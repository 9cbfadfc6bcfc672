import Machine
import Synchronization
import Testing

@testable import Collectives

@Suite(.serialized)
struct BarrierTests {
  /// Each round, every worker writes its own element, and after the barrier reads every element.
  @Test("every participant sees every write of the round", arguments: [1, 2, 3, 8, 17], [0, 1, 200])
  func everyoneSeesEveryWriteOfTheRound(participants: Int, spinPauses: Int) throws {
    let rounds = 4_000
    let written = SharedInts(participants)
    let sums = SharedInts(participants)
    let group = try WorkerGroup(placement: unpinned(participants), spinPauses: spinPauses)
    try group.run { context in
      for round in 1...rounds {
        written.values[context.index] = round * (context.index + 1)
        try context.barrier.wait()
        sums.values[context.index] += written.values.reduce(0, +)
        try context.barrier.wait()
      }
    }
    let ofOneRound = participants * (participants + 1) / 2
    let expected = ofOneRound * rounds * (rounds + 1) / 2
    for worker in 0..<participants {
      #expect(sums.values[worker] == expected, "worker \(worker) of \(participants), \(spinPauses) pauses")
    }
  }

  /// A shared element is passed from writer to writer: the rotation fails if a phase ever lets one through early.
  @Test("one element is passed around")
  func oneElementIsHandedAround() throws {
    let participants = 5
    let rounds = 3_000
    let shared = SharedInts(1)
    try WorkerGroup(placement: unpinned(participants)).run { context in
      for round in 0..<rounds {
        if round % participants == context.index { shared.values[0] += 1 }
        try context.barrier.wait()
        if shared.values[0] != round + 1 { throw Mishap(worker: context.index) }
        try context.barrier.wait()
      }
    }
    #expect(shared.values[0] == rounds)
  }

  @Test("breaking releases sleepers, spinners and latecomers", arguments: [0, 1_000_000])
  func breakingFreesSleepersSpinnersAndLatecomers(spinPauses: Int) throws {
    let group = try WorkerGroup(placement: unpinned(9), spinPauses: spinPauses)
    let broken = Atomic<Int>(0)
    let started = Atomic<Int>(0)
    let running = group.start { context in
      started.add(1, ordering: .relaxed)
      if context.index == 8 {
        while started.load(ordering: .relaxed) < 9 {}
        context.barrier.barrier.breakAll()
      }
      for _ in 0..<3 {
        do throws(BarrierBroken) {
          try context.barrier.wait()
        } catch {
          broken.add(1, ordering: .relaxed)
        }
      }
    }
    #expect(running.wait(timeoutMilliseconds: 60_000))
    try running.result()
    #expect(broken.load(ordering: .relaxed) == 27)
    #expect(throws: BarrierBroken.self) { try group.barrier.wait() }
  }

  @Test("a broken group runs again")
  func aBrokenGroupRunsAgain() throws {
    let group = try WorkerGroup(placement: unpinned(3))
    #expect(throws: Mishap(worker: 1)) {
      try group.run { context in
        if context.index == 1 { throw Mishap(worker: 1) }
        try context.barrier.wait()
      }
    }
    let passed = Atomic<Int>(0)
    try group.run { context in
      for _ in 0..<100 { try context.barrier.wait() }
      passed.add(1, ordering: .relaxed)
    }
    #expect(passed.load(ordering: .relaxed) == 3)
  }

  /// The phase word wraps after 2³¹ rounds; that must not set the broken bit.
  @Test("phases wrap around")
  func phasesWrapAround() throws {
    let barrier = Barrier(participants: 3, spinPauses: 10)
    barrier.reset(phase: UInt32.max - 7)
    try WorkerGroup(placement: unpinned(3)).run { _ in
      for _ in 0..<10 { try barrier.wait() }
    }
  }

  /// Three barriers under one: no participant passes before all of them are complete.
  @Test("a tree of barriers meets all participants", arguments: [0, 200])
  func aTreeMeetsAll(spinPauses: Int) throws {
    let sizes: [Int] = [1, 4, 2]
    let outer = Barrier(participants: sizes.count, spinPauses: spinPauses)
    let inner = sizes.map { Barrier(participants: $0, spinPauses: spinPauses, outer: outer) }
    let barriers: [Barrier] = zip(inner, sizes).flatMap { [Barrier](repeating: $0, count: $1) }
    let written = SharedInts(7)
    let sums = SharedInts(7)
    let rounds = 3_000
    try WorkerGroup(placement: unpinned(7)).run { context in
      for round in 1...rounds {
        written.values[context.index] = round
        try barriers[context.index].wait()
        sums.values[context.index] += written.values.reduce(0, +)
        try barriers[context.index].wait()
      }
    }
    #expect([Int](sums.values) == [Int](repeating: 7 * rounds * (rounds + 1) / 2, count: 7))
    for barrier in inner + [outer] { barrier.breakAll() }
    for barrier in inner { #expect(throws: BarrierBroken.self) { try barrier.wait() } }
  }

  @Test("a single participant never waits")
  func aLoneParticipantNeverWaits() throws {
    let barrier = Barrier(participants: 1)
    for _ in 0..<10_000 { try barrier.wait() }
    barrier.breakAll()
    #expect(throws: BarrierBroken.self) { try barrier.wait() }
  }
}
