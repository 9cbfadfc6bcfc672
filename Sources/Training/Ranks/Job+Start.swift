import Collectives
import Configuration
import Datasets
import Diagnostics
import Machine
import Network
import Runs
import Storage

extension Job {
  /// The process's place, once all ranks have found that they are about to compute the same numbers.
  ///
  /// - Throws: `CommonFailure`, the same on every rank, naming the first rank that differs from rank 0 and in what.
  package func place(
    of configuration: RunConfiguration, _ topology: Topology, _ examples: Int, dataFingerprint: String
  ) throws -> RankPlace {
    let shards = try ShardPlan(
      exampleCount: examples, batchSize: configuration.training.batchSize, shardSize: configuration.runtime.shardSize)
    let unit = try ModelGraph(configuration.model).shardsTogether(shardSize: shards.shardSize)
    let placement = try RunPlan.placement(configuration, shards, unit, topology, ranks: count)
    let own = RankCard(configuration, data: dataFingerprint, workers: placement.workers.count)
    let cards = try gather(own.bytes, "the start of the job").enumerated().map { rank, bytes in
      try RankCard(bytes, from: name(rank))
    }
    for (rank, card) in cards.enumerated().dropFirst() {
      do throws(UserError) { try card.requireMatch(cards[0], self, rank: rank) } catch { throw CommonFailure(error) }
    }
    let workers = cards.map(\.workers)
    return RankPlace(rank: rank, count: count, workers: workers.min() ?? 1, allWorkers: workers.reduce(0, +))
  }

  /// Rank 0's checkpoint: its tensors stay there, see `RankExchange.shareStart`.
  func share(_ checkpoint: Checkpoint?) throws(UserError) -> Checkpoint? {
    let head = rank == 0 ? Array((checkpoint?.head ?? "").utf8) : []
    let bytes = try gather(head, "the start of the job")[0]
    if rank == 0 || bytes.isEmpty { return rank == 0 ? checkpoint : nil }
    return try Checkpoint(head: String(decoding: bytes, as: UTF8.self), file: "the checkpoint of \(name(0))")
  }
}

/// What a rank tells the others about itself before the first step.
///
/// Lines of UTF-8: program, numerics, the data's fingerprint, the number of workers; then each key and its value.
package struct RankCard: Hashable {
  private static let newline = UInt8(ascii: "\n")
  let program: String
  let numerics: Int
  let data: String
  let workers: Int
  /// Every key that decides numbers, the length of the run or when ranks compare their weights, with its value.
  let keys: [String: String]

  init(_ configuration: RunConfiguration, data: String, workers: Int) {
    program = ProgramVersion.current
    numerics = NumericsVersion.current
    self.data = data
    self.workers = workers
    keys = configuration.jsonValue.leafTexts.filter { path, _ in
      switch ConfigurationTable.key(at: path)?.effect {
      case .speed, .files: path == "ledger.every_steps"
      case .length, .result, nil: true
      }
    }
  }

  package var bytes: [UInt8] {
    let lines =
      [program, String(numerics), data, String(workers)] + keys.sorted { $0.key < $1.key }.flatMap { [$0, $1] }
    let written = lines.map { $0.utf8.map { $0 == Self.newline ? UInt8(ascii: " ") : $0 } }
    return Array(written.joined(separator: [Self.newline]))
  }

  /// - Throws: `UserError(.internalFailure)` for bytes that are no card.
  package init(_ bytes: [UInt8], from rank: String) throws(UserError) {
    let lines = bytes.split(separator: Self.newline, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    guard lines.count >= 4, lines.count % 2 == 0, let numerics = Int(lines[1]), let workers = Int(lines[3]), workers > 0
    else {
      throw UserError(.internalFailure, "the start of the job", "\(rank) sent something else than this program would")
    }
    program = lines[0]
    self.numerics = numerics
    data = lines[2]
    self.workers = workers
    var keys: [String: String] = [:]
    for index in stride(from: 4, to: lines.count, by: 2) { keys[lines[index]] = lines[index + 1] }
    self.keys = keys
  }

  /// - Throws: `UserError` naming what `rank` has otherwise than rank 0, whose card is `first`.
  func requireMatch(_ first: RankCard, _ job: Job, rank: Int) throws(UserError) {
    func differs(_ here: String, _ there: String) -> String {
      "is \(here) for \(job.name(rank)), but \(there) for \(job.name(0))"
    }
    let same = "all ranks must have the same configuration"
    for key in Set(keys.keys).union(first.keys.keys).sorted() where keys[key] != first.keys[key] {
      throw UserError(
        .badConfiguration, key, differs(keys[key] ?? "absent", first.keys[key] ?? "absent"), hint: same)
    }
    guard numerics == first.numerics, program == first.program else {
      throw UserError(
        .usage, "the job",
        "the program's version "
          + differs("\(program), numerics \(numerics)", "\(first.program), numerics \(first.numerics)"),
        hint: "start the same program on every host")
    }
    guard data == first.data else {
      throw UserError(
        .badData, "data", "the examples' fingerprint " + differs(data, first.data),
        hint: "every host reads its own files: they must hold the same examples in the same order")
    }
  }
}
