import Collectives
import Diagnostics
import TestSupport
import Testing

@testable import MessagePassing

@Suite struct RankMessagesTests {
  private func exchange(_ job: Job, seconds: Double) throws -> [[UInt8]] {
    func open(_ transport: some RankTransport) throws -> [[UInt8]] {
      try RankMessages.exchange(
        [UInt8(transport.rank), 7, 9], tag: RankMessages.helloTag, over: transport, seconds: seconds)
    }
    return try open(job.transport)
  }

  @Test("every rank hears every other", arguments: 1...5)
  func everyRank(count: Int) throws {
    for result in withRanks(count, { try exchange($0, seconds: 60) }) {
      #expect(try result.get() == (0..<count).map { [UInt8($0), 7, 9] })
    }
  }

  @Test("silent ranks are named, with what the others said")
  func silentRanks() throws {
    let results = withRanks(4, silent: [1, 3]) { try exchange($0, seconds: 0.2) }
    #expect(results.count == 2)
    for (result, rank) in zip(results, [0, 2]) {
      guard case .failure(let error) = result, case .silence(let silent, let heard)? = error as? RankMessages.Failure
      else {
        Issue.record("rank \(rank) did not notice")
        continue
      }
      #expect(silent == [1, 3])
      #expect(heard == [2 - rank: [UInt8(2 - rank), 7, 9]])
    }
  }

  @Test("the message about ranks that cannot be reached has hosts, time and remedy")
  func unreachable() {
    let own = RankPeer(host: "a", cpus: [0])
    let error = RankPeer.unreachable(
      [2, 3], from: 0, own, heard: [1: RankPeer(host: "b", cpus: [0])], seconds: 60, library: "Open MPI v4.1.4")
    #expect(error.category == .systemRefused)
    #expect(error.subject == "rank 0 on a")
    #expect(
      error.message
        == "no greeting came in 60 s from rank 2, rank 3; greetings came from rank 1 on b (Open MPI v4.1.4)")
    #expect(error.hint?.contains("--mca btl_tcp_if_include") == true)
  }
}
