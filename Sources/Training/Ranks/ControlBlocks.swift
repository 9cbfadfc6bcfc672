import Collectives
import Diagnostics
import Storage

/// The control blocks of a step, a rank's own and those of the others, and what they come to.
///
/// `@unchecked Sendable`: `requests` and `weightsDigest` are written by worker 0 before the courier is sent, everything else by
/// the courier.
final class ControlBlocks: @unchecked Sendable {
  private let place: RankPlace
  /// By rank, room for its largest block.
  private let bytes: [UnsafeMutableRawBufferPointer]
  /// What the own rank asks for; once the blocks have been exchanged, what all together do.
  var requests = StepRequests()
  /// Of the weights after the step before, if it took one.
  var weightsDigest: SHA256Digest?
  /// How long the step before took.
  var stepNanoseconds: UInt64 = 0

  init(_ ranks: RankPlan) {
    place = ranks.place
    bytes = (0..<ranks.place.count).map { rank in
      let most = max(ranks.full.runs[rank].count, ranks.last.runs[rank].count)
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: ControlBlock.byteCount(shards: most), alignment: 16)
      bytes.initializeMemory(as: UInt8.self, repeating: 0)
      return bytes
    }
  }

  deinit { for bytes in bytes { bytes.deallocate() } }

  /// Writes the own block about shards `run` and sends it.
  func begin(step: Int, _ runs: [Range<Int>], _ shared: SharedState, _ messages: Messages) throws(UserError) {
    var block = ControlBlock(step: step, rank: place.rank, shards: runs[place.rank])
    block.requests = requests
    block.weightsDigest = weightsDigest
    block.stepNanoseconds = stepNanoseconds
    block.write(to: part(place.rank, runs), losses: shared.losses, hits: shared.correct)
    try messages.gather { part($0, runs) }
  }

  /// Takes in all other ranks' blocks.
  ///
  /// - Throws: `UserError` (70) naming a rank whose block does not belong to the step, or whose weights were others.
  func finish(step: Int, _ runs: [Range<Int>], _ shared: SharedState, _ job: Job) throws(UserError) {
    for rank in runs.indices where rank != place.rank {
      let bytes = UnsafeRawBufferPointer(part(rank, runs))
      let block: ControlBlock
      do throws(ControlBlock.Damage) { block = try ControlBlock(bytes) } catch {
        throw UserError(.internalFailure, "step \(step + 1)", "what \(job.name(rank)) sent is damaged: \(error)")
      }
      guard block.step == step, block.rank == rank, block.shards == runs[rank] else {
        throw UserError(
          .internalFailure, "step \(step + 1)",
          "\(job.name(rank)) sent the results of step \(block.step + 1), shards \(block.shards) as rank \(block.rank)")
      }
      guard block.weightsDigest == weightsDigest else {
        throw Self.difference(step: step, job.name(rank), job.name(place.rank))
      }
      block.readSums(bytes, losses: shared.losses, hits: shared.correct)
      requests.join(block.requests, of: rank)
    }
  }

  /// The error about two ranks that have other weights than each other after a step.
  static func difference(step: Int, _ rank: String, _ other: String) -> UserError {
    UserError(
      .internalFailure, "step \(step)", "\(rank) has other weights after it than \(other)",
      hint:
        "one of these machines or the network between them is faulty; continue from a checkpoint from before this step")
  }

  private func part(_ rank: Int, _ runs: [Range<Int>]) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: bytes[rank][..<ControlBlock.byteCount(shards: runs[rank].count)])
  }
}

/// Weights that are no longer finite after an update, found by workers and ranks: all ranks come to the first of them.
///
/// `@unchecked Sendable`: each worker writes its own entry before the courier is sent, the courier the others.
final class LostWeights: @unchecked Sendable {
  /// Twice the position in the flat buffer, and 1 more where the gradient is not finite either; −1 for none.
  private let ofWorkers: UnsafeMutableBufferPointer<Int64>
  private let ofRanks: UnsafeMutableBufferPointer<Int64>
  private(set) var first: LostWeight?

  init(workers: Int, ranks: Int) {
    ofWorkers = .allocate(capacity: workers)
    ofWorkers.initialize(repeating: -1)
    ofRanks = .allocate(capacity: ranks)
    ofRanks.initialize(repeating: -1)
  }

  deinit {
    ofWorkers.deallocate()
    ofRanks.deallocate()
  }

  func enter(_ weight: LostWeight?, worker: Int) {
    ofWorkers[worker] = weight.map { Int64(2 * $0.position + ($0.gradientToo ? 1 : 0)) } ?? -1
  }

  func begin(_ messages: Messages, rank: Int) throws(UserError) {
    ofRanks[rank] = Self.first(of: ofWorkers)
    try messages.gather { rank in
      UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: ofRanks[rank...rank]))
    }
  }

  func finish() {
    let lost = Int(Self.first(of: ofRanks))
    first = lost < 0 ? nil : LostWeight(position: lost / 2, gradientToo: lost % 2 == 1)
  }

  private static func first(of weights: UnsafeMutableBufferPointer<Int64>) -> Int64 {
    var first: Int64 = -1
    for weight in weights where weight >= 0 && (first < 0 || weight < first) { first = weight }
    return first
  }
}
