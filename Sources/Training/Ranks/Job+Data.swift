import Collectives
import Datasets
import Diagnostics

extension Job {
  /// The ranks as processes that decode images together.
  package var decodingTeam: DecodingTeam {
    DecodingTeam(own: rank, of: count, name: { self.name($0) }) { (bytes) throws(UserError) in
      try self.gather(bytes, Self.loading)
    } exchange: { (bytes, parts, missing) throws(UserError) in
      try self.share(bytes, parts, missing)
    }
  }

  private static let loading = "loading images"
  private static let tag: Int32 = 2

  /// Brings every rank's part of `bytes` to the ranks that miss the others.
  private func share(
    _ bytes: UnsafeMutableRawBufferPointer, _ parts: [Range<Int>], _ missing: [Bool]
  ) throws(UserError) {
    transport.reserve(operations: 2 * count)
    func part(_ rank: Int) -> UnsafeMutableRawBufferPointer {
      UnsafeMutableRawBufferPointer(rebasing: bytes[parts[rank]])
    }
    try transport.forEachPeer { (to, from) throws(UserError) in
      if missing[rank], !parts[from].isEmpty { try transport.receive(part(from), from: from, tag: Self.tag) }
      if missing[to], !parts[rank].isEmpty {
        try transport.send(UnsafeRawBufferPointer(part(rank)), to: to, tag: Self.tag)
      }
    }
    try transport.complete(timeoutSeconds: timeoutSeconds, subject: Self.loading)
  }
}
