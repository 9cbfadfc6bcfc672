import Collectives
import Machine

/// A stretch of the trained parameters in the flat buffer that is added up, exchanged with other ranks and updated by itself; in a
/// process that is alone, all of them.
///
/// In a job the layers after the front can have a bucket of their own: their gradients are complete before the front's last
/// backward pass, behind which they are exchanged, and their weights are read after the front's first forward pass, behind
/// which those come. Which floats are in which bucket changes no bit.
struct Bucket: Sendable {
  let floats: Range<Int>
  /// The floats that each rank updates; all of them for a process that is alone.
  let ranks: [Range<Int>]
  /// Those that this process updates.
  let own: Range<Int>
  /// By worker, those that it updates, and those that it adds up with others of its rank.
  let segments: [Range<Int>]
  let parts: [Range<Int>]

  /// - Parameters:
  ///   - floats: from a multiple of 1024 on.
  ///   - workers: by group.
  init(_ floats: Range<Int>, _ place: RankPlace?, workers: [Range<Int>]) {
    func shift(_ range: Range<Int>, _ start: Int) -> Range<Int> {
      range.lowerBound + start..<range.upperBound + start
    }
    self.floats = floats
    ranks = (0..<(place?.count ?? 1)).map {
      shift(Segments.segment(ofRank: $0, of: place?.count ?? 1, count: floats.count), floats.lowerBound)
    }
    let own = ranks[place?.rank ?? 0]
    self.own = own
    segments = Segments.all(count: own.count, groups: workers).map { shift($0, own.lowerBound) }
    parts = Segments.all(count: floats.count, groups: workers).map { shift($0, floats.lowerBound) }
  }

  /// The floats that neighbouring workers update together.
  func segment(of workers: Range<Int>) -> Range<Int> {
    segments[workers.lowerBound].lowerBound..<segments[workers.upperBound - 1].upperBound
  }

  /// One bucket, or two where the exchange of the second is worth a message of its own.
  ///
  /// - Parameters:
  ///   - front: floats of the front's parameters, which come first.
  ///   - overlaps: whether computing can hide an exchange.
  static func all(
    trained: Int, front: Int, _ place: RankPlace?, workers: [Range<Int>], overlaps: Bool
  ) -> [Bucket] {
    let border = (front + rankBlock - 1) / rankBlock * rankBlock
    let isCut = overlaps && front > 0 && trained - border >= leastOverlapped
    return (isCut ? [0..<border, border..<trained] : [0..<trained]).map { Bucket($0, place, workers: workers) }
  }

  /// Ranks share no such block of floats, see `Segments`.
  private static let rankBlock = 1024
  /// Floats for which a second message pays: 128 KiB take 10 µs at 100 Gb/s, about as long as a message takes to start.
  private static let leastOverlapped = 32_768
}
