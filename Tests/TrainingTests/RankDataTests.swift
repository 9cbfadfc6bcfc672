import Collectives
import Configuration
import Datasets
import Diagnostics
import Storage
import TestSupport
import Testing

@testable import Training

/// Ranks load images together: each decodes its part alone, and all have all of them.
@Suite("Images over ranks")
struct RankDataTests {
  private static let size = 4

  private static func pixels(_ index: Int) -> [UInt8] { (0..<size * size).map { UInt8(($0 * 13 + index * 29) % 256) } }

  /// A folder of 11 images in three classes; those that `isBroken` says hold no image.
  private static func write(_ folder: TemporaryFolder, _ name: String, isBroken: (Int) -> Bool) throws -> String {
    for index in 0..<11 {
      try folder.makeFolder("\(name)/class\(index / 4)")
      // Names in byte order are the order of the numbers.
      let file = "\(name)/class\(index / 4)/\(10 + index).png"
      if isBroken(index) {
        _ = try folder.write([1, 2, 3] as [UInt8], to: file)
      } else {
        try PNGFile.write(
          pixels(index), height: size, width: size, channels: 1, to: FilePlace(path: folder.file(file)))
      }
    }
    return folder.file(name)
  }

  private static func configuration(_ path: String, onError: String = "fail", cache: String = "memory") throws
    -> RunConfiguration
  {
    try ConfigurationReader.read(
      text: """
        { name: 'images', model: { input: [4, 4, 1], layers: [
          { type: 'flatten' }, { type: 'dense', units: 3 }, { type: 'softmax' } ] },
          data: { format: 'image_folder', train: '\(path)', on_error: '\(onError)', cache: '\(cache)' },
          training: { epochs: 1, batch_size: 4 } }
        """, file: "images.json", overrides: [])
  }

  private static func values(_ data: ImageDataset) -> [UInt8] { Array(data.pixels) }

  @Test("every rank has all images although it could decode its part alone", arguments: 1...4)
  func parts(ranks: Int) throws {
    let folder = try TemporaryFolder()
    let whole = (0..<11).flatMap(Self.pixels)
    let paths = try (0..<ranks).map { rank in
      try Self.write(folder, "rank\(rank)") { !(11 * rank / ranks..<11 * (rank + 1) / ranks).contains($0) }
    }
    let loaded = try withRanks(ranks, seed: UInt64(ranks)) { job in
      let data = try Self.configuration(paths[job.rank]).loadData(DataLoading(team: job.decodingTeam)).training
      return (Self.values(data), (0..<data.count).map { data.labels[$0] })
    }.map { try $0.get() }
    for (pixels, labels) in loaded {
      #expect(pixels == whole && labels == (0..<11).map { Int32($0 / 4) })
    }
  }

  @Test("a damaged image is left out everywhere, or named everywhere")
  func damaged() throws {
    let folder = try TemporaryFolder()
    let path = try Self.write(folder, "all") { $0 == 1 || $0 == 9 }
    let loaded = try withRanks(3) { job in
      let data = try Self.configuration(path, onError: "skip").loadData(DataLoading(team: job.decodingTeam)).training
      return (Self.values(data), data.leftOut.count)
    }.map { try $0.get() }
    let kept = (0..<11).filter { $0 != 1 && $0 != 9 }.flatMap(Self.pixels)
    for (pixels, leftOut) in loaded { #expect(pixels == kept && leftOut == 2) }
    for result in withRanks(3, { _ = try Self.configuration(path).loadData(DataLoading(team: $0.decodingTeam)) }) {
      let error = #expect(throws: UserError.self) { try result.get() }
      #expect(error?.category == .badData && error?.message.contains("2 of 11 files") == true)
    }
  }

  @Test("a rank that has them from an earlier run gives them to the others")
  func cached() throws {
    let folder = try TemporaryFolder()
    let path = try Self.write(folder, "all") { _ in false }
    let caches = try (0..<3).map { rank in
      try folder.makeFolder("cache\(rank)")
      return folder.file("cache\(rank)")
    }
    let whole = (0..<11).flatMap(Self.pixels)
    _ = try Self.configuration(path, cache: "disk").loadData(DataLoading(cache: caches[1]))
    for pass in 0..<2 {
      let loaded = try withRanks(3) { job in
        let data = try Self.configuration(path, cache: "disk").loadData(
          DataLoading(cache: caches[job.rank], team: job.decodingTeam))
        return (Self.values(data.training), data.training.mapped?.isFound)
      }.map { try $0.get() }
      for (rank, (pixels, isFound)) in loaded.enumerated() {
        #expect(pixels == whole && isFound == (pass == 1 || rank == 1))
      }
    }
  }

  @Test("a rank that cannot hold them stops all")
  func refused() throws {
    let folder = try TemporaryFolder()
    let path = try Self.write(folder, "all") { _ in false }
    let nowhere = folder.file("file/at all")
    _ = try folder.write("", to: "file")
    let results = withRanks(2) { job in
      let cache = job.rank == 1 ? nowhere : nil
      _ = try Self.configuration(path, cache: "disk").loadData(DataLoading(cache: cache, team: job.decodingTeam))
    }
    let first = #expect(throws: UserError.self) { try results[0].get() }
    #expect(first?.category == .systemRefused && first?.message.contains("rank 1 on host1") == true)
    let second = #expect(throws: UserError.self) { try results[1].get() }
    #expect(second?.category == .cannotWrite)
  }

  @Test("a rank without the folder, or with an empty one, stops all", arguments: ["missing", "empty"])
  func missing(name: String) throws {
    let folder = try TemporaryFolder()
    let path = try Self.write(folder, "all") { _ in false }
    try folder.makeFolder("empty")
    let other = folder.file(name)
    let results = withRanks(3, timeoutSeconds: 20) { job in
      _ = try Self.configuration(job.rank == 2 ? other : path).loadData(DataLoading(team: job.decodingTeam))
    }
    for (rank, result) in results.enumerated() {
      let error = #expect(throws: UserError.self) { try result.get() }
      #expect((error?.message.contains("rank 2 on host2 cannot load its images") == true) == (rank < 2), "\(name)")
    }
  }
}
