import Collectives
import Diagnostics
import Glibc
import Machine

/// Rounds in which every rank tells every other the same few bytes, before training begins and once it has ended.
enum RankMessages {
  /// Tags that a step's exchange does not use.
  static let helloTag: Int32 = 32_000
  static let farewellTag: Int32 = 32_001

  /// Why a round did not finish.
  enum Failure: Error {
    case transport(UserError)
    /// Ranks that did not answer, and the messages of those that did.
    case silence(of: [Int], heard: [Int: [UInt8]])
  }

  /// Every rank's `message`, by rank.
  ///
  /// - Parameters:
  ///   - message: of the same length on all ranks.
  ///   - seconds: how long to wait for the slowest.
  static func exchange(
    _ message: [UInt8], tag: Int32, over transport: some RankTransport, seconds: Double
  ) throws(Failure) -> [[UInt8]] {
    let (length, count) = (message.count, transport.rankCount)
    // What a library still sends or writes must outlive a round that fails, so it is left to it then.
    let outgoing = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 16)
    let incoming = UnsafeMutableRawBufferPointer.allocate(byteCount: length * count, alignment: 16)
    outgoing.copyBytes(from: message)
    func received(_ rank: Int) -> [UInt8] { Array(incoming[rank * length..<(rank + 1) * length]) }
    let isDone: Bool
    do throws(UserError) {
      try transport.forEachPeer { (to, from) throws(UserError) in
        try transport.receive(
          UnsafeMutableRawBufferPointer(rebasing: incoming[from * length..<(from + 1) * length]), from: from, tag: tag)
        try transport.send(UnsafeRawBufferPointer(outgoing), to: to, tag: tag)
      }
      isDone = try finish(transport, within: seconds)
    } catch {
      throw .transport(error)
    }
    guard isDone else {
      let silent = transport.unfinishedPeers
      let heard = (0..<count).filter { $0 != transport.rank && !silent.contains($0) }
      throw .silence(of: silent, heard: Dictionary(uniqueKeysWithValues: heard.map { ($0, received($0)) }))
    }
    defer {
      outgoing.deallocate()
      incoming.deallocate()
    }
    return (0..<count).map { $0 == transport.rank ? message : received($0) }
  }

  /// Whether all that was started is done before `seconds` are over.
  private static func finish(_ transport: some RankTransport, within seconds: Double) throws(UserError) -> Bool {
    let start = monotonicNanoseconds()
    while try !transport.poll() {
      if Double(clockSpan(start, monotonicNanoseconds())) * 1e-9 > seconds { return false }
      usleep(100)
    }
    return true
  }
}
