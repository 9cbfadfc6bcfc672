import KernelInterface

extension NaiveKernels {
  /// The columns one after the other; see `ColumnHash`.
  package static func hashColumns(_ h: ColumnHash) {
    for column in 0..<ColumnHash.columns {
      var message = (0..<16).map { h.header[$0] } + (0..<h.rows).map { h.words[16 * $0 + column] }
      message[15] = UInt32(column)
      for (index, word) in sha256(message).enumerated() { h.digests[8 * column + index] = word }
    }
  }

  /// SHA-256 of a message of words, a multiple of 16, as eight words. Source: FIPS 180-4, sections 5 and 6.2.
  package static func sha256(_ message: [UInt32]) -> [UInt32] {
    let bitCount = UInt64(message.count) * 32
    let words =
      message + [0x8000_0000] + [UInt32](repeating: 0, count: 13)
      + [UInt32(bitCount >> 32), UInt32(truncatingIfNeeded: bitCount)]
    var state: [UInt32] = [
      0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    for start in stride(from: 0, to: words.count, by: 16) {
      var w = Array(words[start..<start + 16])
      for t in 16..<64 {
        let (x, y) = (w[t - 15], w[t - 2])
        w.append(
          w[t - 16] &+ (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) &+ w[t - 7] &+ (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10))
      }
      var v = state
      for t in 0..<64 {
        let (a, b, c, e, f, g) = (v[0], v[1], v[2], v[4], v[5], v[6])
        let first =
          v[7] &+ (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) &+ (e & f ^ ~e & g) &+ roundConstants[t] &+ w[t]
        let second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) &+ (a & b ^ a & c ^ b & c)
        v = [first &+ second, a, b, c, v[3] &+ first, e, f, g]
      }
      state = zip(state, v).map { $0 &+ $1 }
    }
    return state
  }

  private static func rotate(_ x: UInt32, _ count: UInt32) -> UInt32 { x >> count | x << (32 - count) }

  /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
  private static let roundConstants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
  ]
}
