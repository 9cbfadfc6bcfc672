/// A set of CPU numbers, as `sched_setaffinity` and the `cpulist` files of Linux mean it.
///
/// Iteration is in ascending order. Two sets are equal when they hold the same numbers, whatever built them.
package struct CPUSet: Sendable, Hashable {
  /// The largest CPU number a set may hold; Linux builds stop at 8,191.
  package static let maximumCPU: Int = 65_535

  /// Bit `c % 64` of word `c / 64` stands for CPU `c`; the last word is never zero, so that `==` compares sets.
  private var words: [UInt64]

  package init() { words = [] }

  /// The set of `cpus`, repeated numbers counted once.
  package init(_ cpus: some Sequence<Int>) {
    self.init()
    for cpu in cpus { insert(cpu) }
  }

  /// The set whose bit `c % 64` of `words[c / 64]` stands for CPU `c`.
  package init(words: [UInt64]) {
    self.words = words
    trim()
  }

  /// The bits padded with zeros to `count` words.
  ///
  /// - Precondition: no member needs more words.
  package func words(count: Int) -> [UInt64] {
    precondition(count >= words.count, "\(count) words cannot hold CPU \(last ?? 0).")
    return words + [UInt64](repeating: 0, count: count - words.count)
  }

  package var isEmpty: Bool { words.isEmpty }
  package var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
  package var first: Int? {
    words.firstIndex { $0 != 0 }.map { $0 * 64 + words[$0].trailingZeroBitCount }
  }
  package var last: Int? {
    words.last.map { words.count * 64 - 1 - $0.leadingZeroBitCount }
  }

  package func contains(_ cpu: Int) -> Bool {
    cpu >= 0 && cpu / 64 < words.count && words[cpu / 64] >> UInt64(cpu % 64) & 1 == 1
  }

  /// - Precondition: 0 ≤ `cpu` ≤ `maximumCPU`.
  package mutating func insert(_ cpu: Int) {
    precondition((0...Self.maximumCPU).contains(cpu), "CPU number \(cpu) is outside 0...\(Self.maximumCPU).")
    while words.count <= cpu / 64 { words.append(0) }
    words[cpu / 64] |= 1 << UInt64(cpu % 64)
  }

  package mutating func remove(_ cpu: Int) {
    guard contains(cpu) else { return }
    words[cpu / 64] &= ~(1 << UInt64(cpu % 64))
    trim()
  }

  package func union(_ other: CPUSet) -> CPUSet { combined(with: other, |) }
  package func intersection(_ other: CPUSet) -> CPUSet { combined(with: other, &) }
  package func subtracting(_ other: CPUSet) -> CPUSet { combined(with: other) { $0 & ~$1 } }
  package func isSubset(of other: CPUSet) -> Bool { subtracting(other).isEmpty }

  private func combined(with other: CPUSet, _ operation: (UInt64, UInt64) -> UInt64) -> CPUSet {
    let length = Swift.max(words.count, other.words.count)
    return CPUSet(words: zip(words(count: length), other.words(count: length)).map(operation))
  }

  private mutating func trim() {
    while words.last == 0 { words.removeLast() }
  }
}

extension CPUSet: Sequence {
  package struct Iterator: IteratorProtocol {
    fileprivate let words: [UInt64]
    fileprivate var index = 0
    fileprivate var remaining: UInt64 = 0

    package mutating func next() -> Int? {
      while remaining == 0 {
        guard index < words.count else { return nil }
        remaining = words[index]
        index += 1
      }
      let bit = remaining.trailingZeroBitCount
      remaining &= remaining - 1
      return (index - 1) * 64 + bit
    }
  }

  package func makeIterator() -> Iterator { Iterator(words: words) }
}

extension CPUSet: ExpressibleByArrayLiteral {
  package init(arrayLiteral cpus: Int...) { self.init(cpus) }
}
