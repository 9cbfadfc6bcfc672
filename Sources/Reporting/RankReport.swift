import Machine
import Storage

/// What `topology` prints of the ranks of a job: where they run, and what they send in a step of a full batch.
package struct RankReport: Sendable, Hashable {
  package struct Rank: Sendable, Hashable {
    package var host: String
    package var workers: Int
    /// The sums of gradients that it sends, one for each largest tree node inside its shards; `nil` without a run.
    package var sums: Int?
    /// What it sends to all others together.
    package var bytesPerStep: Int?

    package init(host: String, workers: Int, sums: Int? = nil, bytesPerStep: Int? = nil) {
      self.host = host
      self.workers = workers
      self.sums = sums
      self.bytesPerStep = bytesPerStep
    }
  }

  package var ranks: [Rank]
  /// The MPI library.
  package var library: String
  /// What each rank would send in a ring's all-reduce.
  package var ringBytes: Int?

  package init(ranks: [Rank], library: String, ringBytes: Int? = nil) {
    self.ranks = ranks
    self.library = library
    self.ringBytes = ringBytes
  }

  package var lines: [String] {
    let workers = ranks.reduce(0) { $0 + $1.workers }
    let hosts = Set(ranks.map(\.host)).count
    let table = ranks.enumerated().map { number, rank in
      let sent = rank.bytesPerStep.map { bytes in
        ", sends \(NumberText.count(rank.sums ?? 0, "sum")) in \(Topology.size(bytes)) a step"
      }
      return "             rank \(number) on \(rank.host): \(NumberText.count(rank.workers, "worker"))\(sent ?? "")"
    }
    return [
      "Ranks        \(ranks.count) on \(NumberText.count(hosts, "host")), \(NumberText.count(workers, "worker")), \(library)"
    ] + table + (ratio.map { ["             the most is \(NumberText.fixed($0, 2)) times what a ring sends"] } ?? [])
  }

  package var json: JSONValue {
    .object([
      .init("library", .string(library)),
      .init(
        "list",
        .array(
          ranks.map {
            .object([
              .init("host", .string($0.host)), .init("workers", .integer($0.workers)),
              .init("sums", $0.sums.map { .integer($0) } ?? .null),
              .init("bytes_per_step", $0.bytesPerStep.map { .integer($0) } ?? .null),
            ])
          })), .init("ring_bytes", ringBytes.map { .integer($0) } ?? .null),
    ])
  }

  /// The bytes of the rank that sends most, relative to a ring's.
  private var ratio: Double? {
    guard let ringBytes, ringBytes > 0, let most = ranks.compactMap(\.bytesPerStep).max() else { return nil }
    return Double(most) / Double(ringBytes)
  }
}
