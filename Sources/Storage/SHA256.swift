/// The SHA-256 digest of bytes given in any number of pieces. Source: FIPS 180-4, sections 5 and 6.2.
///
/// Plain Swift, about 250 MB/s in a release build: for weights and configurations, not for bulk data.
package struct SHA256: Sendable {
  private var state = State(startWords)
  /// Bytes of a block not complete yet: the first `pendingCount`, fewer than 64.
  private var pending = SIMD64<UInt8>()
  private var pendingCount = 0
  private var byteCount: UInt64 = 0

  package init() {}

  /// Appends `bytes` to the message; allocates nothing.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    byteCount &+= UInt64(bytes.count)
    var rest = bytes[...]
    let kept = pendingCount
    if kept > 0 {
      let taken = rest.prefix(64 - kept)
      withUnsafeMutableBytes(of: &pending) {
        UnsafeMutableRawBufferPointer(rebasing: $0[kept..<kept + taken.count]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: taken))
      }
      rest = rest.dropFirst(taken.count)
      pendingCount = kept + taken.count
      guard pendingCount == 64 else { return }
      withUnsafeBytes(of: pending) { compress($0, into: &state) }
      pendingCount = 0
    }
    let whole = rest.count & ~63
    compress(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)), into: &state)
    let left = rest.dropFirst(whole)
    pendingCount = left.count
    withUnsafeMutableBytes(of: &pending) {
      UnsafeMutableRawBufferPointer(rebasing: $0[..<left.count]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: left))
    }
  }

  /// Appends `bytes` to the message.
  package mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// Appends the 32 bytes of a digest to the message.
  package mutating func update(_ digest: SHA256Digest) {
    withUnsafeBytes(of: digest.bigEndianWords) { update($0) }
  }

  /// Appends an integer as eight bytes, the least significant first.
  package mutating func update(_ integer: UInt64) {
    withUnsafeBytes(of: integer.littleEndian) { update($0) }
  }

  /// The digest of everything so far; the message may go on. Allocates nothing.
  package var value: SHA256Digest {
    var end = state
    withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { tail in
      tail.initializeMemory(as: UInt8.self, repeating: 0)
      withUnsafeBytes(of: pending) { tail.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<pendingCount])) }
      tail[pendingCount] = 0x80
      let size = pendingCount < 56 ? 64 : 128
      tail.storeBytes(of: (byteCount &* 8).bigEndian, toByteOffset: size - 8, as: UInt64.self)
      compress(UnsafeRawBufferPointer(rebasing: tail[..<size]), into: &end)
    }
    return SHA256Digest(words: end.words)
  }

  /// The 32 bytes of `value`.
  package var digest: [UInt8] { withUnsafeBytes(of: value.bigEndianWords) { Array($0) } }

  /// The digest as `sha256:` and 64 lower-case hexadecimal digits.
  package var text: String { value.text }

  /// The digest of `bytes`, as `text`.
  package static func text(of bytes: UnsafeRawBufferPointer) -> String { value(of: bytes).text }

  /// The digest of `bytes`.
  package static func value(of bytes: UnsafeRawBufferPointer) -> SHA256Digest {
    var hash = SHA256()
    hash.update(bytes)
    return hash.value
  }
}

/// The first 32 bits of the fractional parts of the square roots of the first 8 primes.
private let startWords: SIMD8<UInt32> = [
  0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
]

/// Runs the compression function over the blocks of `blocks`, a multiple of 64 bytes.
private func compress(_ blocks: UnsafeRawBufferPointer, into state: inout State) {
  withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 16) { window in
    roundConstants.withUnsafeBufferPointer { constants in
      guard let w = window.baseAddress, let k = constants.baseAddress else { return }
      var s = state
      var offset = 0
      while offset < blocks.count {
        for t in 0..<16 {
          w[t] = UInt32(bigEndian: blocks.loadUnaligned(fromByteOffset: offset &+ 4 &* t, as: UInt32.self))
        }
        let before = s
        for first in [0, 16, 32, 48] {
          if first > 0 { extendSchedule(w) }
          s.eightRounds(w, k + first)
          s.eightRounds(w + 8, k + first + 8)
        }
        s.add(before)
        offset &+= 64
      }
      state = s
    }
  }
}

/// The next sixteen words of the message schedule, from the sixteen before them.
@inline(__always)
private func extendSchedule(_ w: UnsafeMutablePointer<UInt32>) {
  for t in 0..<16 {
    let a: UInt32 = w[(t &+ 1) & 15]
    let b: UInt32 = w[(t &+ 14) & 15]
    let s0: UInt32 = rotate(a, 7) ^ rotate(a, 18) ^ (a &>> 3)
    let s1: UInt32 = rotate(b, 17) ^ rotate(b, 19) ^ (b &>> 10)
    w[t] = w[t] &+ s0 &+ w[(t &+ 9) & 15] &+ s1
  }
}

/// The eight working variables.
private struct State: Sendable {
  var a: UInt32
  var b: UInt32
  var c: UInt32
  var d: UInt32
  var e: UInt32
  var f: UInt32
  var g: UInt32
  var h: UInt32

  init(_ words: SIMD8<UInt32>) {
    (a, b, c, d) = (words[0], words[1], words[2], words[3])
    (e, f, g, h) = (words[4], words[5], words[6], words[7])
  }

  var words: SIMD8<UInt32> { SIMD8(a, b, c, d, e, f, g, h) }

  /// After eight rounds every variable is back in its place, so that none has to be moved.
  @inline(__always)
  mutating func eightRounds(_ w: UnsafePointer<UInt32>, _ k: UnsafePointer<UInt32>) {
    round(a, b, c, &d, e, f, g, &h, w[0] &+ k[0])
    round(h, a, b, &c, d, e, f, &g, w[1] &+ k[1])
    round(g, h, a, &b, c, d, e, &f, w[2] &+ k[2])
    round(f, g, h, &a, b, c, d, &e, w[3] &+ k[3])
    round(e, f, g, &h, a, b, c, &d, w[4] &+ k[4])
    round(d, e, f, &g, h, a, b, &c, w[5] &+ k[5])
    round(c, d, e, &f, g, h, a, &b, w[6] &+ k[6])
    round(b, c, d, &e, f, g, h, &a, w[7] &+ k[7])
  }

  mutating func add(_ o: State) {
    a &+= o.a
    b &+= o.b
    c &+= o.c
    d &+= o.d
    e &+= o.e
    f &+= o.f
    g &+= o.g
    h &+= o.h
  }
}

/// One round: `d` and `h` change, the names of all move on by one.
@inline(__always)
private func round(
  _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32, _ h: inout UInt32,
  _ input: UInt32
) {
  let s1: UInt32 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
  let t1: UInt32 = h &+ s1 &+ (g ^ (e & (f ^ g))) &+ input
  let s0: UInt32 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
  d = d &+ t1
  h = t1 &+ s0 &+ ((a & b) | (c & (a | b)))
}

@inline(__always)
private func rotate(_ x: UInt32, _ count: UInt32) -> UInt32 { x &>> count | x &<< (32 &- count) }

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
private let roundConstants: [UInt32] = [
  0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
  0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
  0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
  0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
  0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
  0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
  0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
  0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
]
