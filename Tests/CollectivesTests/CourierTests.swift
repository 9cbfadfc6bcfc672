import Collectives
import Diagnostics
import TestSupport
import Testing

/// The thread that speaks with other ranks, and what it says when they do not answer.
@Suite("Couriers between ranks")
struct CourierTests {
  /// Brings every rank's number to all others, adding the errand to it; even and odd errands have numbers of their own.
  private final class Numbers: Errands, @unchecked Sendable {
    let all: UnsafeMutableBufferPointer<Int>
    let job: Job

    init(_ job: Job) {
      self.job = job
      all = .allocate(capacity: 2 * job.count)
      all.initialize(repeating: -1)
    }

    deinit { all.deallocate() }

    func numbers(_ errand: UInt32) -> [Int] { (0..<job.count).map { all[place(errand, $0)] } }

    private func place(_ errand: UInt32, _ rank: Int) -> Int { Int(errand % 2) * job.count + rank }

    private func bytes(_ errand: UInt32, _ rank: Int) -> UnsafeMutableRawBufferPointer {
      let place = place(errand, rank)
      return UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: all[place...place]))
    }

    func begin(_ errand: UInt32, over transport: any RankTransport) throws(UserError) {
      all[place(errand, job.rank)] = 1000 * Int(errand) + job.rank
      let tag = 5 + Int32(errand % 2)
      try transport.forEachPeer { (to, from) throws(UserError) in
        try transport.receive(bytes(errand, from), from: from, tag: tag)
        try transport.send(UnsafeRawBufferPointer(bytes(errand, job.rank)), to: to, tag: tag)
      }
    }

    func finish(_ errand: UInt32) throws(UserError) {
      guard errand < 9999 else { throw UserError(.internalFailure, subject(errand), "no errand") }
    }
    func subject(_ errand: UInt32) -> String { "errand" }
  }

  @Test("run errands one after the other", arguments: 1...5)
  func errands(ranks: Int) throws {
    let results = withRanks(ranks, seed: UInt64(ranks)) { job in
      let (courier, numbers) = (Courier(job, spinPauses: 10), Numbers(job))
      courier.start(numbers)
      defer { courier.stop() }
      for errand in 1...50 {
        let turn = courier.turn
        courier.ask(UInt32(errand))
        try courier.wait(after: turn)
        #expect(numbers.numbers(UInt32(errand)) == (0..<ranks).map { 1000 * errand + $0 })
      }
    }
    for result in results { try result.get() }
  }

  @Test(
    "run errands behind computing, which are done when somebody waits for them or for a later one", arguments: 1...5)
  func behind(ranks: Int) throws {
    let results = withRanks(ranks, seed: UInt64(20 + ranks)) { job in
      let (courier, numbers) = (Courier(job, spinPauses: 10), Numbers(job))
      courier.start(numbers)
      defer { courier.stop() }
      func expect(_ errand: UInt32) {
        #expect(numbers.numbers(errand) == (0..<ranks).map { 1000 * Int(errand) + $0 })
      }
      for round in 1...40 as ClosedRange<UInt32> {
        // As in a step: sums behind computing, sums that are waited for, weights, and weights behind the next step.
        courier.ask(4 * round, isBehind: true)
        var turn = courier.turn
        courier.ask(4 * round + 1)
        try courier.wait(after: turn)
        expect(4 * round)
        expect(4 * round + 1)
        turn = courier.turn
        courier.ask(4 * round + 3)
        courier.ask(4 * round + 2, isBehind: true)
        try courier.wait(after: turn)
        expect(4 * round + 3)
        try courier.waitBehind(2 * round)
        expect(4 * round + 2)
      }
    }
    for result in results { try result.get() }
  }

  @Test("name the ranks that do not answer behind computing, too")
  func silenceBehind() {
    let results = withRanks(2, timeoutSeconds: 0.2, silent: [1]) { job in
      let courier = Courier(job, spinPauses: 0)
      courier.start(Numbers(job))
      defer { courier.stop() }
      courier.ask(7, isBehind: true)
      #expect(throws: UserError.self) { try courier.waitBehind(1) }
      try courier.waitBehind(1)
    }
    #expect(results.count == 1)
    #expect {
      try results[0].get()
    } throws: { error in
      (error as? UserError)?.message == "rank 1 on host1 has not answered for 0.2 s"
    }
  }

  @Test("pass on what went wrong, to all who wait and from then on")
  func failure() {
    let results = withRanks(2) { job in
      let courier = Courier(job, spinPauses: 0)
      courier.start(Numbers(job))
      defer { courier.stop() }
      let turn = courier.turn
      courier.ask(9999)
      for _ in 0..<2 { #expect(throws: UserError.self) { try courier.wait(after: turn) } }
    }
    #expect(results.count == 2)
  }

  @Test("name the ranks that do not answer, and their hosts")
  func silence() {
    let results = withRanks(4, timeoutSeconds: 0.2, silent: [1, 3]) { job in
      let courier = Courier(job, spinPauses: 0)
      courier.start(Numbers(job))
      defer { courier.stop() }
      let turn = courier.turn
      courier.ask(7)
      try courier.wait(after: turn)
    }
    #expect(results.count == 2)
    for result in results {
      #expect {
        try result.get()
      } throws: { error in
        let error = error as? UserError
        return error?.category == .systemRefused && error?.subject == "errand"
          && error?.message == "rank 1 on host1 and rank 3 on host3 have not answered for 0.2 s"
      }
    }
  }

  @Test("a job's gathers and broadcasts bring bytes of any length", arguments: 1...4)
  func bytes(ranks: Int) throws {
    let results = withRanks(ranks, seed: 9) { job in
      let gathered = try job.gather([UInt8](repeating: UInt8(job.rank), count: 3 * job.rank), "here")
      var bytes = [UInt8](repeating: UInt8(job.rank + 1), count: 5)
      let failure: UserError? = bytes.withUnsafeMutableBytes { bytes in
        do throws(UserError) { try job.broadcast(bytes, "here") } catch { return error }
        return nil
      }
      if let failure { throw failure }
      return (gathered, bytes)
    }
    for result in results {
      let (gathered, bytes) = try result.get()
      #expect(gathered == (0..<ranks).map { [UInt8](repeating: UInt8($0), count: 3 * $0) })
      #expect(bytes == [1, 1, 1, 1, 1])
    }
  }
}
