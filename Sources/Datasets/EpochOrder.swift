import Randomness

/// The order in which one epoch visits the examples: `order[position]` is an example number.
///
/// A pure function of (seed, epoch, count): it does not depend on workers, interruptions or earlier epochs. Holds four
/// bytes per example; `count` is at most 2³² − 1.
///
/// `@unchecked Sendable` is safe because one thread calls `reorder` while, by the trainer's barriers, none reads.
package final class EpochOrder: @unchecked Sendable {
  package let count: Int
  private let order: UnsafeMutableBufferPointer<UInt32>

  /// Starts in file order.
  package init(count: Int) {
    precondition(UInt32(exactly: count) != nil, "An order holds 0 to 4294967295 examples, not \(count).")
    self.count = count
    order = .allocate(capacity: count)
    fillWithFileOrder()
  }

  deinit { order.deallocate() }

  /// The example at `position` in `0..<count` of the epoch.
  package subscript(position: Int) -> Int {
    assert(position >= 0 && position < count, "Position \(position) is outside an epoch of \(count).")
    return Int(order[position])
  }

  /// Puts the order of `epoch` in place, file order if `shuffle` is false; allocates nothing.
  ///
  /// A Fisher–Yates shuffle from the last position down; position i swaps with one drawn from 0…i, element i of the
  /// stream (seed, shuffle, epoch), each equally likely to within 2⁻¹²⁸.
  package func reorder(seed: UInt64, epoch: Int, shuffle: Bool) {
    precondition(UInt32(exactly: epoch) != nil, "Epochs are numbered 0 to 4294967295, not \(epoch).")
    fillWithFileOrder()
    guard shuffle, count > 1 else { return }
    let stream = RandomStream(
      seed: seed, purpose: .shuffle, stream: UInt32(truncatingIfNeeded: epoch))
    var position = count - 1
    while position > 0 {
      let other = Int(truncatingIfNeeded: stream.below(UInt64(position) + 1, index: UInt64(position)))
      order.swapAt(position, other)
      position -= 1
    }
  }

  private func fillWithFileOrder() {
    var position = 0
    while position < count {
      order[position] = UInt32(truncatingIfNeeded: position)
      position += 1
    }
  }
}
