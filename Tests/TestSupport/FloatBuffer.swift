import Randomness

/// Floats at a stable address between two guards: writing past either end shows in `isIntact`.
package final class FloatBuffer {
  private static let guardCount = 32
  private static let guardBits: UInt32 = 0x7FC0_BEEF
  private let memory: UnsafeMutablePointer<Float>
  /// Aligned to 64 bytes.
  package let pointer: UnsafeMutablePointer<Float>
  package let count: Int

  /// `count` signalling values that no kernel should leave in place.
  package init(_ count: Int, fill: Float = .nan) {
    self.count = count
    let total = count + 2 * Self.guardCount
    memory = UnsafeMutableRawPointer.allocate(byteCount: total * 4, alignment: 64)
      .bindMemory(to: Float.self, capacity: total)
    memory.initialize(repeating: Float(bitPattern: Self.guardBits), count: total)
    pointer = memory + Self.guardCount
    pointer.update(repeating: fill, count: count)
  }

  package convenience init(_ values: [Float]) {
    self.init(values.count)
    for (i, value) in values.enumerated() { pointer[i] = value }
  }

  deinit { memory.deallocate() }

  package var values: [Float] { (0..<count).map { pointer[$0] } }
  /// For `==` on every bit: NaN equals itself, −0 differs from 0.
  package var bits: [UInt32] { (0..<count).map { pointer[$0].bitPattern } }

  package var isIntact: Bool {
    for i in 0..<Self.guardCount {
      if memory[i].bitPattern != Self.guardBits || pointer[count + i].bitPattern != Self.guardBits { return false }
    }
    return true
  }
}

/// Reproducible normal numbers; drawing is fast, as a pool is drawn once.
package struct RandomFloats {
  private static let pool: [Float] = {
    let stream = RandomStream(seed: 77, purpose: .syntheticData, stream: 0)
    return (0..<65_537).map { stream.normal(UInt64($0)) }
  }()
  private var next: Int

  package init(seed: Int) { next = (seed &* 7_919) & 0xFFFF }

  package mutating func draw() -> Float {
    next = (next + 1) % Self.pool.count
    return Self.pool[next]
  }

  package mutating func array(_ count: Int) -> [Float] { (0..<count).map { _ in draw() } }
}

/// Offsets or labels at a stable address.
package final class Int32Buffer {
  package let pointer: UnsafeMutablePointer<Int32>
  package let count: Int

  package init(_ values: [Int]) {
    count = values.count
    pointer = .allocate(capacity: max(values.count, 1))
    for (i, value) in values.enumerated() { (pointer + i).initialize(to: Int32(value)) }
  }

  deinit { pointer.deallocate() }

  package var values: [Int] { (0..<count).map { Int(pointer[$0]) } }
}
