import Diagnostics
import Foundation
import Machine
import TestSupport
import Testing

@testable import Datasets

/// Decoded images in a file that is mapped into memory: the same pixels, found again or made anew.
@Suite struct DecodedFileTests {
  private let folder: TemporaryFolder
  private let fit = ImageFit(height: 40, width: 30, channels: 1)

  init() throws {
    folder = try TemporaryFolder()
    for (k, name) in ["a", "b"].enumerated() {
      try folder.makeFolder("set/\(name)")
      for i in 0..<5 { try write("set/\(name)/\(i).png", 50 * k + i) }
    }
    try folder.makeFolder("cache")
  }

  private func write(_ name: String, _ seed: Int) throws {
    let pixels = (0..<1200).map { UInt8(truncatingIfNeeded: $0 * 7 + seed) }
    _ = try folder.write(pngFile(height: 40, width: 30, grey: pixels), to: name)
  }

  private func load(
    _ place: DecodedPlace? = nil, damaged: ImageDataset.DamagedFiles = .fail
  ) throws -> ImageDataset {
    try ImageDataset.folder(
      try ImageFolder(path: folder.file("set")), fit: fit, damaged: damaged,
      place: place ?? .file(folder: folder.file("cache")))
  }

  private var caches: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: folder.file("cache")).sorted() }
  }

  private func same(_ a: ImageDataset, _ b: ImageDataset) -> Bool {
    Array(a.pixels) == Array(b.pixels) && (0..<a.count).map { a.labels[$0] } == (0..<b.count).map { b.labels[$0] }
      && a.files == b.files && a.classNames == b.classNames
  }

  @Test("pixels, labels and names are those in memory, in the first run and in the next")
  func samePixels() throws {
    let memory = try load(.memory)
    let (first, second) = (try load(), try load())
    #expect(memory.mapped == nil && first.mapped?.isFound == false && second.mapped?.isFound == true)
    #expect(same(first, memory) && same(second, memory))
    #expect(try caches == [(first.mapped?.file as NSString?)?.lastPathComponent].compactMap { $0 })
    for i in 0..<second.count { second.prefetch(i) }
    #expect(same(second, memory))
  }

  @Test("a changed file, another fit or another list has a cache of its own")
  func keys() throws {
    _ = try load()
    try write("set/b/2.png", 99)
    #expect(try load().mapped?.isFound == false)
    #expect(try same(load(), load(.memory)))
    try write("set/b/9.png", 1)
    #expect(try load().mapped?.isFound == false)
    #expect(try caches.count == 3)
    let grey = try ImageDataset.folder(
      try ImageFolder(path: folder.file("set")), fit: ImageFit(height: 40, width: 30, channels: 3), damaged: .fail,
      place: .file(folder: folder.file("cache")))
    #expect(grey.mapped?.isFound == false)
  }

  @Test("a cache that was cut, is of other files or is no file is made anew", arguments: ["cut", "other", "folder"])
  func damagedCache(kind: String) throws {
    let file = try #require(try load().mapped?.file)
    let whole = try contents(ofFile: file)
    switch kind {
    case "cut": try Data(whole.dropLast()).write(to: URL(fileURLWithPath: file))
    case "other":
      var bytes = whole
      bytes[25] ^= 1
      try Data(bytes).write(to: URL(fileURLWithPath: file))
    default:
      try FileManager.default.removeItem(atPath: file)
      try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
    }
    let again = try load()
    #expect(again.mapped?.isFound == false)
    #expect(try same(again, load(.memory)))
    if kind != "folder" { #expect(try contents(ofFile: file) == whole) }
  }

  @Test("a set with damaged files keeps no cache, so that each run names them")
  func damagedImages() throws {
    _ = try folder.write("nothing", to: "set/a/1.png")
    for _ in 0..<2 {
      let data = try load(damaged: .skip)
      #expect(data.count == 9 && data.leftOut.count == 1 && data.mapped?.isFound == false)
      #expect(try same(data, load(.memory, damaged: .skip)))
    }
    #expect(try caches == [])
    #expect(throws: UserError.self) { try load() }
    #expect(try caches == [])
  }

  @Test("auto takes a file for more than half of the available memory")
  func auto() {
    let available = AvailableMemory(bytes: 1000, source: "test")
    #expect(DecodedPlace.auto(folder: "f").folder(bytes: 500, available: available) == nil)
    #expect(DecodedPlace.auto(folder: "f").folder(bytes: 501, available: available) == "f")
    #expect(DecodedPlace.auto(folder: "f").folder(bytes: 1 << 50, available: nil) == nil)
    #expect(DecodedPlace.memory.folder(bytes: 1 << 50, available: available) == nil)
    #expect(DecodedPlace.file(folder: "f").folder(bytes: 1, available: nil) == "f")
  }

  @Test("a folder that is not there is made; one that cannot be is an error with a way out")
  func noFolder() throws {
    #expect(try load(.file(folder: folder.file("new/one"))).mapped?.isFound == false)
    _ = try folder.write("", to: "file")
    let error = userError { _ = try load(.file(folder: folder.file("file/in"))) }
    #expect(error?.category == .cannotWrite && error?.hint?.contains("data.cache: \"memory\"") == true)
  }
}
