import KernelInterface

// Words of 32 bits in lanes of 64, where their products have room.
#if LOCKSTEP_AVX512
  private typealias Words = SIMD8<UInt64>
  private var laneNumbers: Words { @inline(__always) get { Words(0, 1, 2, 3, 4, 5, 6, 7) } }
#else
  private typealias Words = SIMD4<UInt64>
  private var laneNumbers: Words { @inline(__always) get { Words(0, 1, 2, 3) } }
#endif

/// See `DropoutMask`; a block per lane.
func dropoutMask(_ s: DropoutMask) {
  assert(s.mistake == nil, s.mistake ?? "")
  let words = (s.elements + 31) / 32
  var word = 0
  while word < words {
    let bytes = keptBits(s, firstBlock: s.firstBlock &+ UInt64(4 * word))
    var lane = 0
    while lane < Words.scalarCount, word < words {
      let bits = bytes[lane] | bytes[lane + 1] &<< 8 | bytes[lane + 2] &<< 16 | bytes[lane + 3] &<< 24
      s.mask[word] = Int32(truncatingIfNeeded: bits)
      lane += 4
      word += 1
    }
  }
}

/// The bits of as many blocks as there are lanes, 8 in the lowest byte of each.
@inline(__always)
private func keptBits(_ s: DropoutMask, firstBlock: UInt64) -> Words {
  let low = Words(repeating: 0xFFFF_FFFF)
  let shift = Words(repeating: 32)
  let index = Words(repeating: firstBlock) &+ laneNumbers
  var (c0, c1) = (index & low, index &>> shift)
  var (c2, c3) = (Words(repeating: UInt64(s.stream)), Words(repeating: UInt64(s.purpose)))
  var (k0, k1) = (UInt32(truncatingIfNeeded: s.seed), UInt32(truncatingIfNeeded: s.seed &>> 32))
  for _ in 0..<10 {
    let first = Words(repeating: 0xD251_1F53) &* c0
    let second = Words(repeating: 0xCD9E_8D57) &* c2
    c0 = (second &>> shift) ^ c1 ^ Words(repeating: UInt64(k0))
    c1 = second & low
    c2 = (first &>> shift) ^ c3 ^ Words(repeating: UInt64(k1))
    c3 = first & low
    k0 &+= 0x9E37_79B9
    k1 &+= 0xBB67_AE85
  }
  // 2¹⁶ − threshold + bits has bit 16 where the bits are at least the threshold.
  let rest = Words(repeating: 65536 - UInt64(s.threshold))
  let (bits, half) = (Words(repeating: 0xFFFF), Words(repeating: 16))
  var kept = ((c0 & bits) &+ rest) &>> half
  kept |= (((c0 &>> half) &+ rest) &>> half) &<< Words(repeating: 1)
  kept |= (((c1 & bits) &+ rest) &>> half) &<< Words(repeating: 2)
  kept |= (((c1 &>> half) &+ rest) &>> half) &<< Words(repeating: 3)
  kept |= (((c2 & bits) &+ rest) &>> half) &<< Words(repeating: 4)
  kept |= (((c2 &>> half) &+ rest) &>> half) &<< Words(repeating: 5)
  kept |= (((c3 & bits) &+ rest) &>> half) &<< Words(repeating: 6)
  kept |= (((c3 &>> half) &+ rest) &>> half) &<< Words(repeating: 7)
  return kept
}

/// See `DropoutArguments`.
func dropout(_ s: DropoutArguments) {
  assert(s.mistake == nil, s.mistake ?? "")
  let (scale, zero) = (Vector16(repeating: s.scale), Vector16(repeating: 0))
  let none = SIMD16<Int32>(repeating: 0)
  let lanes = SIMD16<Int32>(
    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
  let bytes = UnsafeRawPointer(s.mask)
  for pixel in 0..<s.pixels {
    let (x, out) = (s.x + pixel * s.stride, s.out + pixel * s.stride)
    var lane = 0
    while lane < s.channels {
      let bit = s.firstBit + pixel * s.channels + lane
      let word = bytes.loadUnaligned(fromByteOffset: bit >> 3, as: UInt32.self) &>> UInt32(bit & 7)
      let kept = SIMD16<Int32>(repeating: Int32(truncatingIfNeeded: word)) & lanes
      let value = load(x + lane, as: Vector16.self) * scale
      store(zero.replacing(with: value, where: kept .!= none), out + lane)
      lane += 16
    }
  }
}
