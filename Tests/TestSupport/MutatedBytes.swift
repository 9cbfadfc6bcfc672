import Randomness

extension [UInt8] {
  /// A copy with one to three bytes inserted, removed, replaced or changed in one bit, which `round` of the stream decides.
  package func mutated(_ stream: RandomStream, round: UInt64) -> [UInt8] {
    var bytes = self
    for change in 0...stream.below(3, index: round * 16) {
      let bits = stream.bits(round * 16 + 1 + change)
      let at = Int(bits.x) % bytes.count
      switch bits.y % 4 {
      case 0: bytes.insert(UInt8(bits.z % 256), at: at)
      case 1: bytes.remove(at: at)
      case 2: bytes[at] ^= 1 << UInt8(bits.z % 8)
      default: bytes[at] = UInt8(bits.z % 256)
      }
    }
    return bytes
  }
}
