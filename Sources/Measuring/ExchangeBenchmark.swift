import Collectives
import Diagnostics
import Glibc
import Machine

/// The result of `bench allreduce` over the ranks of a job, as rank 0 saw it.
package struct ExchangeSummary: Sendable, Hashable {
  package struct Row: Sendable, Hashable {
    package var parameters: Int
    /// Each rank's partial sum to all others, to each its segment; and each rank's new weights to all others.
    package var sumsMilliseconds: Double
    package var weightsMilliseconds: Double
    /// By rank 0 in both.
    package var bytesSent: Int

    package var milliseconds: Double { sumsMilliseconds + weightsMilliseconds }
  }
  /// Host names by rank.
  package var hosts: [String]
  /// A message of 32 bytes from every rank to every other.
  package var latencyMicroseconds: Double
  /// Of one large message from each rank to the next, all at once: bytes sent by one over the time.
  package var linkGigabytesPerSecond: Double
  package var rows: [Row]

  /// How long the exchange takes, over how long its bytes take on the link.
  package func timesLink(_ row: Row) -> Double {
    row.milliseconds * 1e6 * linkGigabytesPerSecond / Double(max(1, row.bytesSent))
  }

  package init(hosts: [String], latencyMicroseconds: Double, linkGigabytesPerSecond: Double, rows: [Row]) {
    self.hosts = hosts
    self.latencyMicroseconds = latencyMicroseconds
    self.linkGigabytesPerSecond = linkGigabytesPerSecond
    self.rows = rows
  }
}

/// What a step's exchange between ranks takes by itself, one partial sum per rank, while no worker computes.
package enum ExchangeBenchmark {
  private static let linkBytes = 16 << 20
  private static let tag: Int32 = 3
  private static let subject = "the benchmark of exchanges"

  /// All ranks of `job` call it with the same sizes, numbers of parameters, each rounded up to a multiple of 32.
  ///
  /// - Throws: as `RankTransport.complete`, and `UserError(.systemRefused)` without enough memory.
  package static func run(_ job: Job, sizes: [Int], secondsPerSize: Double = 0.4) throws -> ExchangeSummary {
    let most = (sizes.max() ?? 0) + 31
    // As many segments as there are ranks take what all parameters do, and up to a page each for their rounding.
    let byteCount = max(4 * most, linkBytes) + job.count * NodeBuffer.pageBytes
    let outgoing = try buffer(byteCount)
    let incoming = try buffer(byteCount)
    let (own, others) = (outgoing.pointer, incoming.pointer)
    job.transport.reserve(operations: 2 * job.count)
    let next = (to: (job.rank + 1) % job.count, from: (job.rank + job.count - 1) % job.count)
    let link = try time(job, seconds: secondsPerSize) { () throws(UserError) in
      try job.transport.receive(part(others, 0..<linkBytes), from: next.from, tag: tag)
      try job.transport.send(UnsafeRawBufferPointer(part(own, 0..<linkBytes)), to: next.to, tag: tag)
    }
    func toAll(
      receiving: (_ from: Int) -> Range<Int>, sending: (_ to: Int) -> Range<Int>
    ) throws(UserError) {
      try job.transport.forEachPeer { (to, from) throws(UserError) in
        let (received, sent) = (receiving(from), sending(to))
        if !received.isEmpty { try job.transport.receive(part(others, received), from: from, tag: tag) }
        if !sent.isEmpty {
          try job.transport.send(UnsafeRawBufferPointer(part(own, sent)), to: to, tag: tag)
        }
      }
    }
    let latency = try time(job, seconds: secondsPerSize) { () throws(UserError) in
      try toAll(receiving: { $0 * 32..<$0 * 32 + 32 }, sending: { _ in 0..<32 })
    }
    let rows = try sizes.map { size in
      let parameters = (size + 31) / 32 * 32
      let segments = (0..<job.count).map { rank in
        let floats = Segments.segment(ofRank: rank, of: job.count, count: parameters)
        return floats.lowerBound * 4..<floats.upperBound * 4
      }
      let mine = segments[job.rank]
      let sums = try time(job, seconds: secondsPerSize) { () throws(UserError) in
        // Every rank's sum of the own segment, one beside the other.
        try toAll(receiving: { $0 * mine.count..<($0 + 1) * mine.count }, sending: { segments[$0] })
      }
      let weights = try time(job, seconds: secondsPerSize) { () throws(UserError) in
        try toAll(receiving: { segments[$0] }, sending: { _ in mine })
      }
      return ExchangeSummary.Row(
        parameters: parameters, sumsMilliseconds: sums * 1e-6, weightsMilliseconds: weights * 1e-6,
        bytesSent: 4 * parameters - mine.count + (job.count - 1) * mine.count)
    }
    return ExchangeSummary(
      hosts: job.transport.hosts, latencyMicroseconds: latency * 1e-3,
      linkGigabytesPerSecond: Double(linkBytes) / link, rows: rows)
  }

  /// Memory that is touched.
  private static func buffer(_ bytes: Int) throws -> NodeBuffer {
    let buffer = try NodeBuffer(byteCount: bytes, purpose: "messages")
    memset(buffer.pointer, 0, bytes)
    return buffer
  }

  private static func part(_ buffer: UnsafeMutableRawPointer, _ bytes: Range<Int>) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: buffer + bytes.lowerBound, count: bytes.count)
  }

  /// Nanoseconds of what `start` starts until it is done, the median over about `seconds`; all ranks repeat it equally often.
  private static func time(
    _ job: Job, seconds: Double, _ start: () throws(UserError) -> Void
  ) throws(UserError) -> Double {
    func once() throws(UserError) -> Double {
      let begun = monotonicNanoseconds()
      try start()
      try job.transport.complete(timeoutSeconds: job.timeoutSeconds, subject: subject)
      return Double(max(1, clockSpan(begun, monotonicNanoseconds())))
    }
    let first = (try once(), try once(), try once())
    let wanted = UInt8(clamping: Int(seconds * 1e9 / max(first.1, first.2)))
    let repetitions = try job.gather([max(5, wanted)], subject)[0][0]
    var times: [Double] = []
    for _ in 0..<repetitions { times.append(try once()) }
    return median(times)
  }
}
