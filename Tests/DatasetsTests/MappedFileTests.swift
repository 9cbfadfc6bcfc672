import Diagnostics
import Foundation
import Machine
import TestSupport
import Testing

@testable import Datasets

/// Pixels that are mapped from the data's own files, or converted into one: the same as in memory.
@Suite struct MappedFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var place: DecodedPlace { .file(folder: folder.file("cache")) }

  private var caches: [String] {
    get { ((try? FileManager.default.contentsOfDirectory(atPath: folder.file("cache"))) ?? []).sorted() }
  }

  private func expectSame(_ a: ImageDataset, _ b: ImageDataset) {
    let (pixels, others) = ([UInt8](a.pixels), [UInt8](b.pixels))
    #expect(pixels == others)
    let isFloats = [a.floats != nil, b.floats != nil]
    #expect(isFloats[0] == isFloats[1])
    let labels: [[Int32]] = [a, b].map { [Int32](UnsafeBufferPointer(start: $0.labels, count: $0.count)) }
    #expect(labels[0] == labels[1])
    let shapes: [[Int]] = [a, b].map { [$0.count, $0.height, $0.width, $0.channels, $0.classCount] }
    #expect(shapes[0] == shapes[1])
  }

  /// Loads in memory, then twice from a file; says where the pixels came from.
  private func origins(_ load: (DecodedPlace) throws -> ImageDataset) throws -> [MappedFile.Origin?] {
    let memory = try load(.memory)
    let sets = [try load(place), try load(place)]
    for set in sets {
      expectSame(set, memory)
      for index in 0..<set.count { set.prefetch(index) }
      let inOrder: [UInt8] = set.readingInOrder { [UInt8](set.pixels) }
      #expect(inOrder == [UInt8](memory.pixels))
    }
    #expect(memory.mapped == nil)
    return sets.map { $0.mapped?.origin }
  }

  private func floats(_ values: [Float]) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
  }

  /// 300 images of 7×5, more than a page, whose place in an archive is no multiple of anything.
  @Test("bytes stored in an archive are mapped where they are, deflated ones converted", arguments: [false, true])
  func archives(deflated: Bool) throws {
    let pixels = (0..<300 * 35).map { UInt8(truncatingIfNeeded: $0 * 37 + 11) }
    let labels = (0..<300).map { UInt8($0 % 4) }
    let file = try folder.write(
      zip([("x.npy", npy("|u1", [300, 7, 5], pixels), deflated), ("y.npy", npy("|u1", [300], labels), deflated)]),
      to: "set.npz")
    let origins = try origins {
      try ImageDataset.arrays(
        images: .npz(file: file, name: "x"), labels: .npz(file: file, name: "y"), place: $0)
    }
    #expect(origins == (deflated ? [.made, .found] : [.data, .data]))
    #expect(caches.count == (deflated ? 1 : 0))
  }

  @Test("floats in a file of their own are mapped; in an archive, where they are not aligned, converted")
  func floatArrays() throws {
    let values = (0..<40 * 6).map { Float($0) * 0.25 - 7 }
    let (x, y) = (npy("<f4", [40, 3, 2], floats(values)), npy("|u1", [40], (0..<40).map { UInt8($0 % 3) }))
    let (own, labels) = (try folder.write(x, to: "x.npy"), try folder.write(y, to: "y.npy"))
    #expect(
      try origins { try ImageDataset.arrays(images: .npy(own), labels: .npy(labels), place: $0) } == [.data, .data])
    // One of two names makes the array's place odd.
    let names = ["x", "xy"].map { name in
      (name, try? folder.write(zip([(name + ".npy", x, false), ("y.npy", y, false)]), to: name + ".npz"))
    }
    let found = try names.map { name, file in
      let file = try #require(file)
      return try origins {
        try ImageDataset.arrays(images: .npz(file: file, name: name), labels: .npz(file: file, name: "y"), place: $0)
      }
    }
    #expect(found.contains([.made, .found]))
  }

  @Test("IDX images are mapped, compressed ones converted", arguments: [false, true])
  func idxFiles(compressed: Bool) throws {
    let content = idx([50, 9, 11], (0..<50 * 99).map { UInt8(truncatingIfNeeded: $0 * 5) })
    let images = try folder.write(compressed ? gzip(content) : content, to: "images")
    let labels = try folder.write(idx([50], (0..<50).map { UInt8($0 % 7) }), to: "labels")
    let origins = try origins { try ImageDataset.idx(images: images, labels: labels, place: $0) }
    #expect(origins == (compressed ? [.made, .found] : [.data, .data]))
  }

  @Test("CIFAR's planes are converted once; labels are read each time")
  func cifar() throws {
    let records = (0..<130).flatMap { r in [UInt8(r % 10)] + (0..<3072).map { UInt8(truncatingIfNeeded: $0 + r) } }
    let files = [
      try folder.write(Array(records.prefix(3073 * 70)), to: "a.bin"),
      try folder.write(Array(records.dropFirst(3073 * 70)), to: "b.bin"),
    ]
    #expect(try origins { try ImageDataset.cifar(.cifar10, files: files, place: $0) } == [.made, .found])
    // Another file of the same length has a cache of its own.
    _ = try folder.write(Array(records.dropFirst(3073 * 70).reversed().map { $0 % 10 }), to: "b.bin")
    let other = try ImageDataset.cifar(.cifar10, files: files, place: place)
    #expect(other.mapped?.origin == .made && caches.count == 2)
  }

  @Test("what is wrong with an array is found before it is mapped")
  func damaged() throws {
    let labels = try folder.write(npy("|u1", [2], [0, 1]), to: "y.npy")
    let images = try folder.write(npy("<f4", [2, 1, 2], floats([1, 2, 3, .nan])), to: "x.npy")
    let error = userError { _ = try ImageDataset.arrays(images: .npy(images), labels: .npy(labels), place: place) }
    #expect(error?.message == "holds nan in image 1; allowed: finite numbers")
    var archive = zip([
      ("x.npy", npy("|u1", [2, 1, 2], [1, 2, 3, 4]), false), ("y.npy", npy("|u1", [2], [0, 1]), false),
    ])
    let pixel = try #require(archive.firstRange(of: [1, 2, 3, 4]))
    archive[pixel.lowerBound] = 9
    let file = try folder.write(archive, to: "set.npz")
    let damaged = userError {
      _ = try ImageDataset.arrays(
        images: .npz(file: file, name: "x"), labels: .npz(file: file, name: "y"), place: place)
    }
    #expect(damaged?.message.contains("its checksum is") == true)
  }

  @Test("a small set stays in memory unless it is told not to")
  func auto() throws {
    let images = try folder.write(npy("|u1", [1, 1, 1], [1]), to: "x.npy")
    let labels = try folder.write(npy("|u1", [1], [0]), to: "y.npy")
    let set = try ImageDataset.arrays(images: .npy(images), labels: .npy(labels), place: .auto(folder: folder.path))
    #expect(set.mapped == nil)
  }
}
