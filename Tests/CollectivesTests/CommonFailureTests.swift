import Diagnostics
import Testing

@testable import Collectives

@Suite struct CommonFailureTests {
  private let names = ["rank 0 on a", "rank 1 on b", "rank 2 on b"]
  private let damaged = RankOutcome.failed(65, "x.npz: is damaged\n  hint: none")
  private let missing = RankOutcome.failed(66, "y: is missing")

  @Test("outcomes are read as they were written")
  func outcomesAreRead() {
    for outcome in [.done, damaged, missing, .failed(-1, ""), .failed(78, "é")] as [RankOutcome] {
      #expect(RankOutcome(bytes: outcome.bytes) == outcome)
    }
    #expect(RankOutcome(bytes: [65]) == .failed(65, ""))
  }

  @Test("without a failure there is none")
  func noFailure() {
    #expect(CommonFailure([.done, .done, .done], names: names) == nil)
    #expect(CommonFailure([], names: []) == nil)
  }

  @Test("a failure of one rank has its name; one of all is said once")
  func words() {
    let one = CommonFailure([.done, .done, damaged], names: names)
    #expect(one?.description == "rank 2 on b: x.npz: is damaged\n  hint: none")
    #expect(one?.code == 65)
    #expect(CommonFailure([damaged, damaged, damaged], names: names)?.description == "x.npz: is damaged\n  hint: none")
    let several = CommonFailure([missing, damaged, missing], names: names)
    #expect(
      several?.description
        == "rank 0 on a, rank 2 on b: y: is missing\nrank 1 on b: x.npz: is damaged\n  hint: none")
    #expect(several?.code == 66)
    let many = (0..<9).map { "rank \($0) on h" }
    let all = CommonFailure([.done] + [RankOutcome](repeating: missing, count: 8), names: many)
    #expect(
      all?.description == "rank 1 on h, rank 2 on h, rank 3 on h, rank 4 on h, rank 5 on h and 3 more: y: is missing")
  }

  @Test("the code is the category's")
  func code() {
    let failure = CommonFailure(UserError(.badConfiguration, "seed", "is 1 here, 2 there"))
    #expect(failure.code == 78)
    #expect(failure.description == "seed: is 1 here, 2 there")
  }
}
