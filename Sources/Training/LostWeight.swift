/// A weight that is not a finite number after an update.
struct LostWeight {
  /// Its place in the flat buffer.
  var position: Int
  /// Whether its gradient is not finite either.
  var gradientToo: Bool

  /// The first of a block, if there is one.
  ///
  /// A gradient or state that is not finite makes its weight so at once, and a lost weight stays lost: checking the new
  /// weights, while they are in the cache, finds all three in the step in which they happen.
  /// - Parameter sum: the gradient, from the block's first float on.
  static func first(
    in weights: UnsafePointer<Float>, _ block: Range<Int>, sum: UnsafePointer<Float>
  ) -> LostWeight? {
    guard !allFinite(weights + block.lowerBound, block.count) else { return nil }
    let position = block.first { !weights[$0].isFinite } ?? block.lowerBound
    return LostWeight(position: position, gradientToo: !sum[position - block.lowerBound].isFinite)
  }

  /// Whether no value has the largest exponent, that of infinities and NaNs: adding one to it reaches the sign's bit.
  private static func allFinite(_ values: UnsafePointer<Float>, _ count: Int) -> Bool {
    values.withMemoryRebound(to: UInt32.self, capacity: count) { bits in
      var found: UInt32 = 0
      for i in 0..<count { found |= (bits[i] & 0x7FFF_FFFF) &+ 0x0080_0000 }
      return found >> 31 == 0
    }
  }
}
