import Testing

@testable import Datasets

@Suite struct EpochOrderTests {
  private func order(_ count: Int, seed: UInt64 = 1, epoch: Int = 0, shuffle: Bool = true) -> [Int] {
    let order = EpochOrder(count: count)
    order.reorder(seed: seed, epoch: epoch, shuffle: shuffle)
    return (0..<count).map { order[$0] }
  }

  @Test("the order is a permutation")
  func isAPermutation() {
    for count in 0...40 { #expect(order(count).sorted() == Array(0..<count)) }
    #expect(order(1437).sorted() == Array(0..<1437))
  }

  @Test("without shuffling, it is the file's order")
  func withoutShuffleItIsFileOrder() {
    #expect(order(100, epoch: 3, shuffle: false) == Array(0..<100))
  }

  @Test("the order depends only on seed, epoch and count")
  func dependsOnSeedEpochAndCountAlone() {
    let reused = EpochOrder(count: 50)
    reused.reorder(seed: 9, epoch: 7, shuffle: true)
    reused.reorder(seed: 1, epoch: 2, shuffle: true)
    #expect((0..<50).map { reused[$0] } == order(50, seed: 1, epoch: 2))
    #expect(order(50, epoch: 0) != order(50, epoch: 1))
    #expect(order(50, seed: 1) != order(50, seed: 1 << 32 | 1))
  }

  /// All 24 orders of four examples over 4800 epochs: chi-squared below the 99.99 % point for 23 degrees of freedom.
  @Test("every order is equally likely")
  func everyOrderIsEquallyLikely() {
    var counts: [[Int]: Int] = [:]
    for epoch in 0..<4800 { counts[order(4, epoch: epoch), default: 0] += 1 }
    #expect(counts.count == 24)
    let chiSquared = counts.values.reduce(0.0) { $0 + Double(($1 - 200) * ($1 - 200)) / 200 }
    #expect(chiSquared < 56, "\(counts)")
  }

  /// The order is numerics: a change would change every shuffled run.
  @Test("the order is the recorded one")
  func goldenOrder() {
    #expect(order(8) == [5, 2, 1, 6, 0, 3, 4, 7])
  }
}
