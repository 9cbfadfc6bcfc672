import Collectives
import Synchronization

/// Messages from one of two ranks to the other, which allocate nothing: the receiver copies from the sender's bytes.
///
/// `@unchecked Sendable`: an entry is written by the sender before `sent` counts it, and read by the receiver after.
private final class Mailbox: @unchecked Sendable {
  static let capacity = 1024
  let entries = UnsafeMutablePointer<UnsafeRawBufferPointer>.allocate(capacity: capacity)
  let sent = Atomic<Int>(0)
  let received = Atomic<Int>(0)

  deinit { entries.deallocate() }
}

/// Two ranks of one process.
///
/// `@unchecked Sendable`: `receives` is that of the one thread that calls.
final class PairTransport: RankTransport, @unchecked Sendable {
  let rank: Int
  private let outbox: Mailbox
  private let inbox: Mailbox
  private let receives = UnsafeMutablePointer<UnsafeMutableRawBufferPointer>.allocate(capacity: Mailbox.capacity)
  private var (first, end) = (0, 0)

  private init(rank: Int, _ outbox: Mailbox, _ inbox: Mailbox) {
    self.rank = rank
    self.outbox = outbox
    self.inbox = inbox
  }

  deinit { receives.deallocate() }

  static func pair() -> [PairTransport] {
    let (a, b) = (Mailbox(), Mailbox())
    return [PairTransport(rank: 0, a, b), PairTransport(rank: 1, b, a)]
  }

  var rankCount: Int { 2 }
  var hosts: [String] { ["here", "here"] }
  func reserve(operations count: Int) { precondition(count <= Mailbox.capacity, "\(count) operations are too many.") }

  func send(_ bytes: UnsafeRawBufferPointer, to _: Int, tag _: Int32) {
    let place = outbox.sent.load(ordering: .relaxed)
    outbox.entries[place % Mailbox.capacity] = bytes
    outbox.sent.store(place + 1, ordering: .releasing)
  }

  func receive(_ bytes: UnsafeMutableRawBufferPointer, from _: Int, tag _: Int32) {
    receives[end] = bytes
    end += 1
  }

  func poll() -> Bool {
    while first < end {
      let place = inbox.received.load(ordering: .relaxed)
      guard place < inbox.sent.load(ordering: .acquiring) else { return false }
      receives[first].copyMemory(from: inbox.entries[place % Mailbox.capacity])
      inbox.received.store(place + 1, ordering: .releasing)
      first += 1
    }
    (first, end) = (0, 0)
    return outbox.received.load(ordering: .acquiring) == outbox.sent.load(ordering: .relaxed)
  }

  var unfinishedPeers: [Int] { [1 - rank] }
  func abort(code: Int32) -> Never { fatalError("The job was to end with \(code).") }
}
