import Diagnostics
import Storage

/// What a rank tells every other in each step beside its gradients: its shards' losses and hits, and what it asks for.
///
///     bytes   0   4  "LSCB"
///             4   4  version, 1
///             8   8  step, from 0
///            16   4  rank
///            20   4  requests: 1 stops, 2 time is up, 4 wants a checkpoint, 8 has room for one, 16 has a digest
///            24   4  first shard
///            28   4  shards, n
///            32   8  nanoseconds of the step before
///            40  32  digest of the weights after the step before, in words of 4 bytes, or 0
///            72  12  for each shard: the bits of its loss, 8 bytes, and its hits, 4 bytes
///
/// Integers have the least significant byte first. A reader takes any bytes: what is no block of this version is refused.
package struct ControlBlock: Hashable, Sendable {
  package var step: Int
  package var rank: Int
  var requests = StepRequests()
  /// Numbered in the batch.
  package var shards: Range<Int>
  package var stepNanoseconds: UInt64 = 0
  /// Of the weights, where the step before took one.
  package var weightsDigest: SHA256Digest?

  private static let magic: UInt32 = 0x4243_534C
  private static let version: UInt32 = 1
  private static let headerBytes = 72
  private static let shardBytes = 12

  package init(step: Int, rank: Int, shards: Range<Int>) {
    self.step = step
    self.rank = rank
    self.shards = shards
  }

  /// The bytes of a block about so many shards.
  package static func byteCount(shards: Int) -> Int { headerBytes + shardBytes * shards }

  /// Writes the block with the sums of its shards, of which both buffers have one for each shard of the batch.
  package func write(
    to bytes: UnsafeMutableRawBufferPointer, losses: UnsafePointer<Double>, hits: UnsafePointer<Int>
  ) {
    precondition(
      bytes.count == Self.byteCount(shards: shards.count), "A block of \(shards.count) shards fills its bytes.")
    func put<Value: FixedWidthInteger>(_ value: Value, _ offset: Int) {
      bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
    }
    put(Self.magic, 0)
    put(Self.version, 4)
    put(UInt64(step), 8)
    put(UInt32(rank), 16)
    put(flags, 20)
    put(UInt32(shards.lowerBound), 24)
    put(UInt32(shards.count), 28)
    put(stepNanoseconds, 32)
    for index in 0..<8 { put(weightsDigest?.words[index] ?? 0, 40 + 4 * index) }
    for (index, shard) in shards.enumerated() {
      put(losses[shard].bitPattern, Self.headerBytes + Self.shardBytes * index)
      put(UInt32(truncatingIfNeeded: hits[shard]), Self.headerBytes + Self.shardBytes * index + 8)
    }
  }

  /// Reads the head of a block.
  ///
  /// - Throws: `Damage` for bytes that `write` does not make.
  package init(_ bytes: UnsafeRawBufferPointer) throws(Damage) {
    guard bytes.count >= Self.headerBytes else { throw .length(bytes.count) }
    func get<Value: FixedWidthInteger>(_ type: Value.Type, _ offset: Int) -> Value {
      Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
    guard get(UInt32.self, 0) == Self.magic else { throw .magic }
    guard get(UInt32.self, 4) == Self.version else { throw .version(get(UInt32.self, 4)) }
    let (first, count) = (Int(get(UInt32.self, 24)), Int(get(UInt32.self, 28)))
    guard bytes.count == Self.byteCount(shards: count) else { throw .length(bytes.count) }
    let flags = get(UInt32.self, 20)
    guard flags < 32, let step = Int(exactly: get(UInt64.self, 8)) else { throw .value }
    self.init(step: step, rank: Int(get(UInt32.self, 16)), shards: first..<first + count)
    requests = StepRequests(
      stops: flags & 1 != 0, isTimeUp: flags & 2 != 0, wantsCheckpoint: flags & 4 != 0, hasRoom: flags & 8 != 0)
    stepNanoseconds = get(UInt64.self, 32)
    guard flags & 16 != 0 else { return }
    var words = SIMD8<UInt32>()
    for index in 0..<8 { words[index] = get(UInt32.self, 40 + 4 * index) }
    weightsDigest = SHA256Digest(words: words)
  }

  /// Takes the sums of the shards of a block that `init` has read out of its bytes.
  ///
  /// - Precondition: both buffers have room for `shards`.
  package func readSums(
    _ bytes: UnsafeRawBufferPointer, losses: UnsafeMutablePointer<Double>, hits: UnsafeMutablePointer<Int>
  ) {
    precondition(bytes.count == Self.byteCount(shards: shards.count), "The bytes are those of the block.")
    for (index, shard) in shards.enumerated() {
      let place = Self.headerBytes + Self.shardBytes * index
      losses[shard] = Double(
        bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)))
      hits[shard] = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place + 8, as: UInt32.self)))
    }
  }

  private var flags: UInt32 {
    (requests.stops ? 1 : 0) | (requests.isTimeUp ? 2 : 0) | (requests.wantsCheckpoint ? 4 : 0)
      | (requests.hasRoom ? 8 : 0) | (weightsDigest == nil ? 0 : 16)
  }

  /// Why bytes are no block.
  package enum Damage: Error, Hashable, Sendable, CustomStringConvertible {
    case length(Int)
    case magic
    case version(UInt32)
    case value

    package var description: String {
      switch self {
      case .length(let count): "\(count) bytes are no control block"
      case .magic: "the bytes do not begin as a control block does"
      case .version(let version): "its control blocks have version \(version), not 1"
      case .value: "a value is out of range"
      }
    }
  }
}
