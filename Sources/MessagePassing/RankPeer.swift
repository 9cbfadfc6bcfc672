import Machine

/// What the ranks tell each other before anything else.
package struct RankPeer: Hashable, Sendable {
  package var host: String
  /// The CPUs that the launcher lets the rank run on.
  package var cpus: CPUSet

  package init(host: String, cpus: CPUSet) {
    self.host = host
    self.cpus = cpus
  }

  /// Bytes of the message: a mark, the host's name, the CPUs' bits.
  static let byteCount = mark.count + hostBytes + cpuWords * 8
  private static let mark = Array("lockstep hello 1".utf8)
  /// A host's name has at most 64 bytes on Linux.
  private static let hostBytes = 64
  /// Linux has at most 8,192 CPUs.
  private static let cpuWords = 8192 / 64

  var bytes: [UInt8] {
    let name = Array(host.utf8.prefix(Self.hostBytes))
    let words = CPUSet(cpus.filter { $0 < Self.cpuWords * 64 }).words(count: Self.cpuWords)
    var bytes = Self.mark + name + [UInt8](repeating: 0, count: Self.hostBytes - name.count)
    for word in words { withUnsafeBytes(of: word.littleEndian) { bytes += $0 } }
    return bytes
  }

  /// - Returns: `nil` if the bytes are no such message.
  package init?(bytes: some Collection<UInt8>) {
    let bytes = Array(bytes)
    guard bytes.count == Self.byteCount, bytes.starts(with: Self.mark) else { return nil }
    let name = bytes.dropFirst(Self.mark.count).prefix(Self.hostBytes)
    host = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    let start = Self.mark.count + Self.hostBytes
    let words = bytes.withUnsafeBytes { bytes in
      (0..<Self.cpuWords).map {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 8 * $0, as: UInt64.self))
      }
    }
    cpus = CPUSet(words: words)
  }
}
