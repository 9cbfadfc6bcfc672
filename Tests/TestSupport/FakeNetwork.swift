import Collectives
import Dispatch
import Glibc
import Randomness

/// A network between ranks in one process, in place of MPI's: messages between two ranks with one tag arrive in order, all
/// others in any, after as many polls as the seed says.
///
/// Some messages are copied when they are sent; others are read from the sender's bytes as they arrive, as large ones are by
/// MPI, so that bytes that are changed too early show.
///
/// `@unchecked Sendable`: everything that changes is behind `lock`.
package final class FakeNetwork: @unchecked Sendable {
  private struct Route: Hashable {
    var from: Int
    var to: Int
    var tag: Int32
  }
  fileprivate final class Message {
    let bytes: UnsafeRawBufferPointer
    let copy: UnsafeMutableRawBufferPointer?
    var pollsLeft: Int
    var isTaken = false

    init(_ source: UnsafeRawBufferPointer, isCopied: Bool, polls: Int) {
      pollsLeft = polls
      guard isCopied else {
        (bytes, copy) = (source, nil)
        return
      }
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 16)
      copy.copyMemory(from: source)
      (bytes, self.copy) = (UnsafeRawBufferPointer(copy), copy)
    }

    deinit { copy?.deallocate() }
  }

  package let count: Int
  private let longestDelay: UInt64
  private let stream: RandomStream
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private var messages: [Route: [Message]] = [:]
  private var drawn: UInt64 = 0
  private var bytesSent = 0

  /// - Parameter longestDelay: the most polls that a message takes.
  package init(ranks count: Int, seed: UInt64, longestDelay: Int = 4) {
    self.count = count
    self.longestDelay = UInt64(longestDelay)
    stream = RandomStream(seed: seed, purpose: .audit, stream: 7)
    lock = .allocate(capacity: 1)
    lock.initialize(to: pthread_mutex_t())
    pthread_mutex_init(lock, nil)
  }

  deinit {
    pthread_mutex_destroy(lock)
    lock.deallocate()
  }

  /// How a rank reaches the others.
  package func transport(rank: Int) -> some RankTransport { FakeTransport(self, rank: rank) }

  /// Bytes that all ranks have sent.
  package var sentBytes: Int { locked { bytesSent } }

  private func locked<Value>(_ body: () -> Value) -> Value {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return body()
  }

  private func draw(below bound: UInt64) -> UInt64 {
    drawn += 1
    return stream.below(bound, index: drawn)
  }

  fileprivate func send(_ bytes: UnsafeRawBufferPointer, from: Int, to: Int, tag: Int32) -> Message {
    locked {
      let message = Message(bytes, isCopied: draw(below: 2) == 0, polls: Int(draw(below: longestDelay + 1)))
      messages[Route(from: from, to: to, tag: tag), default: []].append(message)
      bytesSent += bytes.count
      return message
    }
  }

  /// Brings what has arrived for the receives of a rank; returns those that still wait.
  fileprivate func deliver(_ receives: [FakeTransport.Receive], to rank: Int) -> [FakeTransport.Receive] {
    locked {
      var blocked: Set<Route> = []
      return receives.filter { receive in
        let route = Route(from: receive.from, to: rank, tag: receive.tag)
        guard !blocked.contains(route), let message = messages[route]?.first else {
          blocked.insert(route)
          return true
        }
        message.pollsLeft -= 1
        guard message.pollsLeft < 0 else {
          blocked.insert(route)
          return true
        }
        precondition(message.bytes.count == receive.bytes.count, "A message has the length that is received.")
        receive.bytes.copyMemory(from: message.bytes)
        message.isTaken = true
        messages[route]?.removeFirst()
        return false
      }
    }
  }

  fileprivate func isDone(_ message: Message) -> Bool { locked { message.isTaken || message.copy != nil } }
}

/// A rank's end of a `FakeNetwork`.
///
/// `@unchecked Sendable`: one thread at a time calls it; what it calls in turn has a lock.
private final class FakeTransport: RankTransport, @unchecked Sendable {
  struct Receive {
    var bytes: UnsafeMutableRawBufferPointer
    var from: Int
    var tag: Int32
  }

  let rank: Int
  private let network: FakeNetwork
  private var receives: [Receive] = []
  private var sends: [(message: FakeNetwork.Message, to: Int)] = []

  init(_ network: FakeNetwork, rank: Int) {
    self.network = network
    self.rank = rank
  }

  var rankCount: Int { network.count }
  var hosts: [String] { (0..<network.count).map { "host\($0)" } }

  func reserve(operations count: Int) {
    receives.reserveCapacity(count)
    sends.reserveCapacity(count)
  }

  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int, tag: Int32) {
    precondition(rank != self.rank && !bytes.isEmpty, "A rank sends something to others.")
    sends.append((network.send(bytes, from: self.rank, to: rank, tag: tag), rank))
  }

  func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int, tag: Int32) {
    precondition(rank != self.rank && !bytes.isEmpty, "A rank receives something from others.")
    receives.append(Receive(bytes: bytes, from: rank, tag: tag))
  }

  func poll() -> Bool {
    receives = network.deliver(receives, to: rank)
    sends.removeAll { network.isDone($0.message) }
    return receives.isEmpty && sends.isEmpty
  }

  var unfinishedPeers: [Int] { Set(receives.map(\.from) + sends.map(\.to)).sorted() }

  func abort(code: Int32) -> Never { fatalError("The job was to end with \(code).") }
}

/// Runs `body` once for each rank of a job, each on a thread of its own, and returns what they return, by rank.
///
/// - Parameter silent: ranks that never say anything; they have no result.
package func withRanks<Value: Sendable>(
  _ count: Int, seed: UInt64 = 1, timeoutSeconds: Double = 60, silent: Set<Int> = [],
  _ body: @escaping @Sendable (Job) throws -> Value
) -> [Result<Value, any Error>] {
  let network = FakeNetwork(ranks: count, seed: seed)
  nonisolated(unsafe) let results = UnsafeMutableBufferPointer<Result<Value, any Error>?>.allocate(capacity: count)
  results.initialize(repeating: nil)
  defer {
    results.deinitialize()
    results.deallocate()
  }
  let group = DispatchGroup()
  for rank in 0..<count where !silent.contains(rank) {
    DispatchQueue(label: "rank.\(rank)").async(group: group) {
      let job = Job(network.transport(rank: rank), timeoutSeconds: timeoutSeconds)
      results[rank] = Result { try body(job) }
    }
  }
  group.wait()
  return results.compactMap { $0 }
}
