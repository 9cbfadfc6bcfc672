import Diagnostics

/// The part of this process in a job of several ranks, each of which trains its shards of every batch.
package struct RankPlace: Hashable, Sendable {
  package var rank: Int
  package var count: Int
  /// Workers of each rank; of the one with the fewest, if they differ.
  package var workers: Int
  /// Of all ranks together.
  package var allWorkers: Int

  /// - Parameter allWorkers: `nil` where every rank has so many.
  package init(rank: Int, count: Int, workers: Int, allWorkers: Int? = nil) {
    precondition(count >= 1 && rank >= 0 && rank < count && workers >= 1, "There is no rank \(rank) of \(count).")
    self.rank = rank
    self.count = count
    self.workers = workers
    self.allWorkers = allWorkers ?? count * workers
  }
}

/// A job of several ranks, as one of them sees it: how it reaches the others, and how long it waits for them.
///
/// What is here is for the time before and after training, on the calling thread; in a run the `Courier` speaks.
package final class Job: Sendable {
  package let transport: any RankTransport
  /// The longest that an exchange may take.
  package let timeoutSeconds: Double
  /// Outside of steps.
  private static let tag: Int32 = 1

  package init(_ transport: any RankTransport, timeoutSeconds: Double = 300) {
    self.transport = transport
    self.timeoutSeconds = timeoutSeconds
  }

  package var rank: Int { transport.rank }
  package var count: Int { transport.rankCount }

  /// A rank as messages to people have it.
  package func name(_ rank: Int) -> String { "rank \(rank) on \(transport.hosts[rank])" }

  /// Every rank's `bytes`, by rank.
  ///
  /// - Parameter subject: what errors call the exchange.
  /// - Throws: as `RankTransport.complete`.
  package func gather(_ bytes: [UInt8], _ subject: String) throws(UserError) -> [[UInt8]] {
    let lengths = try exchange([UInt64](repeating: UInt64(bytes.count).littleEndian, count: 1), subject) { _ in 1 }
    return try exchange(bytes, subject) { Int(UInt64(littleEndian: lengths[$0][0])) }
  }

  /// Every rank's values, of which rank r has `counts(r)`.
  private func exchange<Value: FixedWidthInteger>(
    _ values: [Value], _ subject: String, counts: (Int) -> Int
  ) throws(UserError) -> [[Value]] {
    transport.reserve(operations: 2 * count)
    let inbox = (0..<count).map { rank in
      let buffer = UnsafeMutableBufferPointer<Value>.allocate(capacity: rank == self.rank ? values.count : counts(rank))
      buffer.initialize(repeating: 0)
      return buffer
    }
    defer { for buffer in inbox { buffer.deallocate() } }
    _ = inbox[rank].update(fromContentsOf: values)
    // Empty messages are not sent, and both sides know which are.
    try transport.forEachPeer { (to, from) throws(UserError) in
      if !inbox[from].isEmpty {
        try transport.receive(UnsafeMutableRawBufferPointer(inbox[from]), from: from, tag: Self.tag)
      }
      if !values.isEmpty { try transport.send(UnsafeRawBufferPointer(inbox[rank]), to: to, tag: Self.tag) }
    }
    try transport.complete(timeoutSeconds: timeoutSeconds, subject: subject)
    return inbox.map { Array($0) }
  }

  /// Sends `bytes` of rank 0 to all others, which receive as many into theirs.
  ///
  /// - Throws: as `RankTransport.complete`.
  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, _ subject: String) throws(UserError) {
    transport.reserve(operations: count)
    if rank == 0 {
      for peer in 1..<count { try transport.send(UnsafeRawBufferPointer(bytes), to: peer, tag: Self.tag) }
    } else {
      try transport.receive(bytes, from: 0, tag: Self.tag)
    }
    try transport.complete(timeoutSeconds: timeoutSeconds, subject: subject)
  }
}
