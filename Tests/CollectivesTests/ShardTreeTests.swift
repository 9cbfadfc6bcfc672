import Summation
import Testing

/// One walk over the tree, for values and for buffers.
@Suite("The walk over the shard tree")
struct ShardTreeTests {
  /// The tree as the documentation states it: split at the largest power of two below the count.
  private static func tree(_ shards: Range<Int>) -> String {
    guard shards.count > 1 else { return "\(shards.lowerBound)" }
    var left = 1
    while left * 2 < shards.count { left *= 2 }
    let middle = shards.lowerBound + left
    return "(\(tree(shards.lowerBound..<middle))+\(tree(middle..<shards.upperBound)))"
  }

  @Test("folds values left before right, and leaves wherever they are given", arguments: 1...40)
  func folds(count: Int) {
    for leafCount in 1...count {
      var order: [Int] = []
      let text: String = ShardTree.fold(3..<3 + count) { run in
        guard run.count <= leafCount else { return nil }
        order.append(run.lowerBound)
        return Self.tree(run)
      } combine: { run, left, right in
        #expect(Self.tree(run) == "(\(left)+\(right))")
        return "(\(left)+\(right))"
      }
      #expect(text == Self.tree(3..<3 + count))
      #expect(order == order.sorted())
    }
    #expect(ShardTree.sum(count) { Double($0 * $0) } == Double((0..<count).reduce(0) { $0 + $1 * $1 }))
  }

  @Test("a sum of nothing is 0")
  func nothing() { #expect(ShardTree.sum(0) { _ in .nan } == 0) }

  /// Buffers hold text: 0 is the target, the others are scratch.
  @Test("sums buffers in the tree's order, with one scratch buffer per level", arguments: 1...40, [1, 2, 4])
  func buffers(count: Int, leafCount: Int) {
    for adds in [false, true] {
      let levels = ShardTree.levels(of: count, leafCount: leafCount) + (adds ? 1 : 0)
      var buffers = [String](repeating: "?", count: 1 + levels)
      ShardTree.sum(0..<count, into: ShardTree.Target(0, adds: adds), scratch: { $0 + 1 }) { run, target in
        guard run.count <= leafCount else { return false }
        // The last buffer is where a leaf that is to be added is computed.
        buffers[target.adds ? levels : target.buffer] = Self.tree(run)
        if target.adds { buffers[target.buffer] = "(\(buffers[target.buffer])+\(buffers[levels]))" }
        return true
      } add: { from, into in
        buffers[into] = "(\(buffers[into])+\(buffers[from]))"
      }
      #expect(buffers[0] == (adds ? "(?+\(Self.tree(0..<count)))" : Self.tree(0..<count)))
    }
  }

  @Test("counts levels as the deepest leaf needs them")
  func levels() {
    #expect([1, 2, 3, 4, 5, 8, 9].map { ShardTree.levels(of: $0) } == [0, 1, 2, 2, 3, 3, 4])
    #expect([1, 4, 5, 8, 9].map { ShardTree.levels(of: $0, leafCount: 4) } == [0, 0, 1, 1, 2])
  }
}
