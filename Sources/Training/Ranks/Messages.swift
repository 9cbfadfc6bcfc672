import Collectives
import Diagnostics

/// The messages of one errand. Empty ones are not sent, and both sides know which are.
struct Messages {
  private let transport: any RankTransport
  private let tag: Int32
  private let bytesSent: UnsafeMutablePointer<Int>

  /// - Parameter bytesSent: counts the bytes that are sent.
  init(_ transport: any RankTransport, tag: Int32, counting bytesSent: UnsafeMutablePointer<Int>) {
    self.transport = transport
    self.tag = tag
    self.bytesSent = bytesSent
  }

  /// Brings every rank's part of a buffer to all others; `part` is that of a rank.
  @inline(__always)
  func gather(_ part: (_ rank: Int) -> UnsafeMutableRawBufferPointer) throws(UserError) {
    try transport.forEachPeer { (to, from) throws(UserError) in
      try receive(part(from), from: from)
      try send(part(transport.rank), to: to)
    }
  }

  func send(_ bytes: UnsafeMutableRawBufferPointer, to peer: Int) throws(UserError) {
    guard !bytes.isEmpty else { return }
    try transport.send(UnsafeRawBufferPointer(bytes), to: peer, tag: tag)
    bytesSent.pointee += bytes.count
  }

  func receive(_ bytes: UnsafeMutableRawBufferPointer, from peer: Int) throws(UserError) {
    if !bytes.isEmpty { try transport.receive(bytes, from: peer, tag: tag) }
  }
}
