import Randomness
import Storage
import Testing

@testable import Training

/// What a rank tells the others in each step, byte by byte.
@Suite("Control blocks")
struct ControlBlockTests {
  private static func bytes(_ block: ControlBlock, losses: [Double], hits: [Int]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xAA, count: ControlBlock.byteCount(shards: block.shards.count))
    bytes.withUnsafeMutableBytes { block.write(to: $0, losses: losses, hits: hits) }
    return bytes
  }

  private static func read(_ bytes: [UInt8]) throws(ControlBlock.Damage) -> ControlBlock {
    let result: Result<ControlBlock, ControlBlock.Damage> = bytes.withUnsafeBytes { bytes in
      do throws(ControlBlock.Damage) { return .success(try ControlBlock(bytes)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  private static let block: ControlBlock = {
    var block = ControlBlock(step: 811, rank: 2, shards: 3..<5)
    block.requests = StepRequests(stops: true, wantsCheckpoint: true)
    block.stepNanoseconds = 0x0102_0304_0506
    return block
  }()

  @Test("have the layout that is written down")
  func layout() {
    let bytes = Self.bytes(Self.block, losses: [0, 0, 0, 1, -.infinity], hits: [9, 9, 9, 7, 258])
    #expect(
      bytes[0..<32] == [
        0x4C, 0x53, 0x43, 0x42, 1, 0, 0, 0, 0x2B, 3, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0,
      ])
    #expect(bytes[32..<40] == [6, 5, 4, 3, 2, 1, 0, 0] && bytes[40..<72].allSatisfy { $0 == 0 })
    #expect(bytes[72..<84] == [0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 7, 0, 0, 0])
    #expect(bytes[84...] == [0, 0, 0, 0, 0, 0, 0xF0, 0xFF, 2, 1, 0, 0])
  }

  @Test("read back what was written, for any requests, losses and digest")
  func roundTrip() throws {
    for flags in 0..<32 {
      var block = ControlBlock(step: flags << 33, rank: flags, shards: flags..<2 * flags)
      block.requests = StepRequests(
        stops: flags & 1 != 0, isTimeUp: flags & 2 != 0, wantsCheckpoint: flags & 4 != 0, hasRoom: flags & 8 != 0)
      if flags & 16 != 0 { block.weightsDigest = SHA256Digest(words: SIMD8(1, 2, 3, 4, 5, 6, 7, .max)) }
      let losses = (0..<64).map { $0 == 17 ? Double.nan : Double($0) / 3 }
      let bytes = Self.bytes(block, losses: losses, hits: Array(0..<64))
      let read = try Self.read(bytes)
      #expect(read == block)
      var (sums, hits) = ([Double](repeating: -1, count: 64), [Int](repeating: -1, count: 64))
      bytes.withUnsafeBytes { read.readSums($0, losses: &sums, hits: &hits) }
      for shard in 0..<64 {
        let isRead = block.shards.contains(shard)
        #expect(
          sums[shard].bitPattern == (isRead ? losses[shard] : -1).bitPattern && hits[shard] == (isRead ? shard : -1))
      }
    }
  }

  @Test("refuse what is none, without reading past the end")
  func damage() {
    let bytes = Self.bytes(Self.block, losses: [0, 0, 0, 1, 2], hits: [0, 0, 0, 1, 2])
    for count in 0..<bytes.count {
      #expect(throws: ControlBlock.Damage.length(count)) { try Self.read(Array(bytes[..<count])) }
    }
    #expect(throws: ControlBlock.Damage.length(bytes.count + 1)) { try Self.read(bytes + [0]) }
    func with(_ value: UInt8, at index: Int) -> [UInt8] {
      var changed = bytes
      changed[index] = value
      return changed
    }
    #expect(throws: ControlBlock.Damage.magic) { try Self.read(with(0, at: 0)) }
    #expect(throws: ControlBlock.Damage.version(2)) { try Self.read(with(2, at: 4)) }
    #expect(throws: ControlBlock.Damage.value) { try Self.read(with(0xFF, at: 15)) }
    #expect(throws: ControlBlock.Damage.value) { try Self.read(with(32, at: 20)) }
    #expect(throws: ControlBlock.Damage.length(bytes.count)) { try Self.read(with(3, at: 28)) }
  }

  @Test("are read or refused, whatever single byte is changed")
  func everyByte() {
    let bytes = Self.bytes(Self.block, losses: [0, 0, 0, 1, 2], hits: [0, 0, 0, 1, 2])
    let stream = RandomStream(seed: 3, purpose: .audit, stream: 1)
    for round in 0..<5_000 {
      var changed = bytes
      let at = UInt64(2 * round)
      changed[Int(stream.below(UInt64(bytes.count), index: at))] = UInt8(stream.below(256, index: at + 1))
      guard let block = try? Self.read(changed) else { continue }
      #expect(ControlBlock.byteCount(shards: block.shards.count) == changed.count)
    }
  }
}
