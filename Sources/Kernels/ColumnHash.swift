import KernelInterface

// SHA-256 (FIPS 180-4, section 6.2) of as many messages as a vector has lanes. Rotations and choices are one instruction each
// with AVX-512, two or three otherwise.

#if LOCKSTEP_AVX512
  private typealias HashLanes = SIMD16<UInt32>
#else
  private typealias HashLanes = SIMD8<UInt32>
#endif

/// See `ColumnHash`.
func hashColumns(_ h: ColumnHash) {
  assert(h.mistake == nil, h.mistake ?? "")
  roundConstants.withUnsafeBufferPointer { constants in
    guard let k = constants.baseAddress else { return }
    var column = 0
    while column < 16 {
      hash(h, column, k)
      column &+= HashLanes.scalarCount
    }
  }
}

/// The digests of the columns from `first` on, one per lane.
private func hash(_ h: ColumnHash, _ first: Int, _ k: UnsafePointer<UInt32>) {
  var s = HashState()
  let blocks = h.rows / 16
  for block in -1...blocks {
    var w: HashWindow
    if block < 0 {
      w = HashWindow(header: h.header, firstColumn: first)
    } else if block < blocks {
      w = HashWindow(h.words + 256 &* block + first)
    } else {
      w = HashWindow(paddingOf: h.rows &+ 16)
    }
    let before = s
    s.sixteenRounds(w, k)
    for part in 1..<4 {
      w.extend()
      s.sixteenRounds(w, k + 16 &* part)
    }
    s.add(before)
  }
  for lane in 0..<HashLanes.scalarCount {
    let digest = h.digests + (first &+ lane) &* 8
    digest[0] = s.a[lane]
    digest[1] = s.b[lane]
    digest[2] = s.c[lane]
    digest[3] = s.d[lane]
    digest[4] = s.e[lane]
    digest[5] = s.f[lane]
    digest[6] = s.g[lane]
    digest[7] = s.h[lane]
  }
}

/// Sixteen words of the message schedule.
private struct HashWindow {
  var w0: HashLanes, w1: HashLanes, w2: HashLanes, w3: HashLanes
  var w4: HashLanes, w5: HashLanes, w6: HashLanes, w7: HashLanes
  var w8: HashLanes, w9: HashLanes, w10: HashLanes, w11: HashLanes
  var w12: HashLanes, w13: HashLanes, w14: HashLanes, w15: HashLanes

  /// From sixteen rows of sixteen words.
  @inline(__always)
  init(_ row: UnsafePointer<UInt32>) {
    w0 = loadWords(row + 0)
    w1 = loadWords(row + 16)
    w2 = loadWords(row + 32)
    w3 = loadWords(row + 48)
    w4 = loadWords(row + 64)
    w5 = loadWords(row + 80)
    w6 = loadWords(row + 96)
    w7 = loadWords(row + 112)
    w8 = loadWords(row + 128)
    w9 = loadWords(row + 144)
    w10 = loadWords(row + 160)
    w11 = loadWords(row + 176)
    w12 = loadWords(row + 192)
    w13 = loadWords(row + 208)
    w14 = loadWords(row + 224)
    w15 = loadWords(row + 240)
  }

  /// The header, with the columns' numbers.
  @inline(__always)
  init(header: SIMD16<UInt32>, firstColumn: Int) {
    w0 = HashLanes(repeating: header[0])
    w1 = HashLanes(repeating: header[1])
    w2 = HashLanes(repeating: header[2])
    w3 = HashLanes(repeating: header[3])
    w4 = HashLanes(repeating: header[4])
    w5 = HashLanes(repeating: header[5])
    w6 = HashLanes(repeating: header[6])
    w7 = HashLanes(repeating: header[7])
    w8 = HashLanes(repeating: header[8])
    w9 = HashLanes(repeating: header[9])
    w10 = HashLanes(repeating: header[10])
    w11 = HashLanes(repeating: header[11])
    w12 = HashLanes(repeating: header[12])
    w13 = HashLanes(repeating: header[13])
    w14 = HashLanes(repeating: header[14])
    w15 = HashLanes(repeating: UInt32(truncatingIfNeeded: firstColumn))
    for lane in 1..<HashLanes.scalarCount { w15[lane] &+= UInt32(truncatingIfNeeded: lane) }
  }

  /// The end of messages of a number of words, a multiple of 16.
  @inline(__always)
  init(paddingOf words: Int) {
    let bitCount = UInt64(truncatingIfNeeded: words) &* 32
    w0 = HashLanes(repeating: 0x8000_0000)
    w1 = HashLanes(repeating: 0)
    w2 = HashLanes(repeating: 0)
    w3 = HashLanes(repeating: 0)
    w4 = HashLanes(repeating: 0)
    w5 = HashLanes(repeating: 0)
    w6 = HashLanes(repeating: 0)
    w7 = HashLanes(repeating: 0)
    w8 = HashLanes(repeating: 0)
    w9 = HashLanes(repeating: 0)
    w10 = HashLanes(repeating: 0)
    w11 = HashLanes(repeating: 0)
    w12 = HashLanes(repeating: 0)
    w13 = HashLanes(repeating: 0)
    w14 = HashLanes(repeating: UInt32(truncatingIfNeeded: bitCount &>> 32))
    w15 = HashLanes(repeating: UInt32(truncatingIfNeeded: bitCount))
  }

  /// The next sixteen words.
  @inline(__always)
  mutating func extend() {
    w0 = next(w0, w1, w9, w14)
    w1 = next(w1, w2, w10, w15)
    w2 = next(w2, w3, w11, w0)
    w3 = next(w3, w4, w12, w1)
    w4 = next(w4, w5, w13, w2)
    w5 = next(w5, w6, w14, w3)
    w6 = next(w6, w7, w15, w4)
    w7 = next(w7, w8, w0, w5)
    w8 = next(w8, w9, w1, w6)
    w9 = next(w9, w10, w2, w7)
    w10 = next(w10, w11, w3, w8)
    w11 = next(w11, w12, w4, w9)
    w12 = next(w12, w13, w5, w10)
    w13 = next(w13, w14, w6, w11)
    w14 = next(w14, w15, w7, w12)
    w15 = next(w15, w0, w8, w13)
  }
}

/// The eight working variables.
private struct HashState {
  var a = HashLanes(repeating: 0x6a09_e667)
  var b = HashLanes(repeating: 0xbb67_ae85)
  var c = HashLanes(repeating: 0x3c6e_f372)
  var d = HashLanes(repeating: 0xa54f_f53a)
  var e = HashLanes(repeating: 0x510e_527f)
  var f = HashLanes(repeating: 0x9b05_688c)
  var g = HashLanes(repeating: 0x1f83_d9ab)
  var h = HashLanes(repeating: 0x5be0_cd19)

  /// After each eight of them every variable is back in its place.
  @inline(__always)
  mutating func sixteenRounds(_ w: HashWindow, _ k: UnsafePointer<UInt32>) {
    round(a, b, c, &d, e, f, g, &h, w.w0, k[0])
    round(h, a, b, &c, d, e, f, &g, w.w1, k[1])
    round(g, h, a, &b, c, d, e, &f, w.w2, k[2])
    round(f, g, h, &a, b, c, d, &e, w.w3, k[3])
    round(e, f, g, &h, a, b, c, &d, w.w4, k[4])
    round(d, e, f, &g, h, a, b, &c, w.w5, k[5])
    round(c, d, e, &f, g, h, a, &b, w.w6, k[6])
    round(b, c, d, &e, f, g, h, &a, w.w7, k[7])
    round(a, b, c, &d, e, f, g, &h, w.w8, k[8])
    round(h, a, b, &c, d, e, f, &g, w.w9, k[9])
    round(g, h, a, &b, c, d, e, &f, w.w10, k[10])
    round(f, g, h, &a, b, c, d, &e, w.w11, k[11])
    round(e, f, g, &h, a, b, c, &d, w.w12, k[12])
    round(d, e, f, &g, h, a, b, &c, w.w13, k[13])
    round(c, d, e, &f, g, h, a, &b, w.w14, k[14])
    round(b, c, d, &e, f, g, h, &a, w.w15, k[15])
  }

  @inline(__always)
  mutating func add(_ o: HashState) {
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
  _ a: HashLanes, _ b: HashLanes, _ c: HashLanes, _ d: inout HashLanes, _ e: HashLanes, _ f: HashLanes, _ g: HashLanes,
  _ h: inout HashLanes, _ word: HashLanes, _ constant: UInt32
) {
  let s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
  let t1 = h &+ s1 &+ (g ^ (e & (f ^ g))) &+ word &+ HashLanes(repeating: constant)
  let s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
  d = d &+ t1
  h = t1 &+ s0 &+ ((a & b) | (c & (a | b)))
}

/// The word of the schedule that replaces `w`, from those 15, 7 and 2 places before it.
@inline(__always)
private func next(_ w: HashLanes, _ fifteen: HashLanes, _ seven: HashLanes, _ two: HashLanes) -> HashLanes {
  let s0 = rotate(fifteen, 7) ^ rotate(fifteen, 18) ^ (fifteen &>> HashLanes(repeating: 3))
  let s1 = rotate(two, 17) ^ rotate(two, 19) ^ (two &>> HashLanes(repeating: 10))
  return w &+ s0 &+ seven &+ s1
}

@inline(__always)
private func rotate(_ x: HashLanes, _ count: UInt32) -> HashLanes {
  x &>> HashLanes(repeating: count) | x &<< HashLanes(repeating: 32 &- count)
}

@inline(__always)
private func loadWords(_ pointer: UnsafePointer<UInt32>) -> HashLanes {
  UnsafeRawPointer(pointer).loadUnaligned(as: HashLanes.self)
}

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
