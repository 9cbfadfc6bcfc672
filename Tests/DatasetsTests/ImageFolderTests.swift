import Diagnostics
import Foundation
import Storage
import TestSupport
import Testing

@testable import Datasets

@Suite struct ImageFolderTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func write(_ bytes: [UInt8], to path: String) throws {
    let file = folder.file(path)
    try FileManager.default.createDirectory(atPath: PathText.folder(of: file), withIntermediateDirectories: true)
    _ = try folder.write(bytes, to: path)
  }

  /// A grey PNG of 1×1 pixels, by way of a fixture's: deflate's stored block is written out.
  private func dot(_ value: UInt8) -> [UInt8] { pngFile(height: 1, width: 1, grey: [value]) }

  private func load(
    _ listing: ImageFolder, _ fit: ImageFit = ImageFit(height: 1, width: 1, channels: 1),
    damaged: ImageDataset.DamagedFiles = .fail
  ) throws -> ImageDataset { try ImageDataset.folder(listing, fit: fit, damaged: damaged) }

  @Test("classes and files come in the order of their bytes")
  func order() throws {
    for (path, value) in [
      ("é/a.png", 5), ("b/2.png", 3), ("b/10.png", 2), ("b/deep/x.png", 4), ("B/x.png", 1), (".hidden/x.png", 9),
      ("b/.hidden.png", 9),
    ] as [(String, UInt8)] { try write(dot(value), to: path) }
    _ = try folder.write("about", to: "README")
    let listing = try ImageFolder(path: folder.path)
    #expect(listing.classNames == ["B", "b", "é"])
    #expect(listing.files == [["B/x.png"], ["b/10.png", "b/2.png", "b/deep/x.png"], ["é/a.png"]])
    let set = try load(listing)
    #expect(UnsafeBufferPointer(start: set.bytes, count: 5).elementsEqual([1, 2, 3, 4, 5]))
    #expect(Array(UnsafeBufferPointer(start: set.labels, count: 5)) == [0, 1, 1, 1, 2])
    #expect(set.classNames == ["B", "b", "é"] && set.files.count == 5)
    #expect(set.leftOut == [UserError(.badData, folder.file("README"), "is in no class's folder")])
  }

  @Test("a test folder's classes have the training set's numbers")
  func testFolder() throws {
    try write(dot(1), to: "train/a/1.png")
    try write(dot(2), to: "train/b/1.png")
    try write(dot(3), to: "test/b/1.png")
    let names = try ImageFolder(path: folder.file("train")).classNames
    let set = try load(ImageFolder(path: folder.file("test"), classNames: names))
    #expect(set.count == 1 && set.labels[0] == 1 && set.classCount == 2)
    try write(dot(3), to: "test/c/1.png")
    let error = userError { _ = try ImageFolder(path: folder.file("test"), classNames: names) }
    #expect(error?.subject == folder.file("test/c"))
    #expect(error?.message == "is the folder of a class that the training set does not have")
  }

  @Test("all damaged files are listed, or left out")
  func damaged() throws {
    for i in 0..<30 { try write(i % 3 == 0 ? Array("text".utf8) : dot(UInt8(i)), to: "a/\(i + 100).png") }
    try write(dot(200), to: "b/1.png")
    try write([], to: "b/2.png")
    try write(pngFile(height: 2, width: 3, grey: [1, 2, 3, 4, 5, 6]), to: "b/3.png")
    let listing = try ImageFolder(path: folder.path)
    let error = userError { _ = try load(listing) }
    #expect(error?.category == .badData && error?.subject == folder.path)
    #expect(error?.message == "12 of 33 files are no images that can be used")
    let lines = error?.description.split(separator: "\n") ?? []
    #expect(lines.count { $0.contains("is not a PNG or JPEG image: it starts with 0x74 0x65 0x78 0x74") } == 10)
    #expect(lines.contains { $0.contains("b/2.png: is empty; allowed: a PNG or JPEG image") })
    #expect(lines.contains { $0.contains("b/3.png: is 3×2 pixels (width×height); model.input asks for 1×1") })
    let set = try load(listing, damaged: .skip)
    #expect(
      UnsafeBufferPointer(start: set.bytes, count: set.count).elementsEqual((0..<30).filter { $0 % 3 > 0 } + [200]))
    #expect(set.labels[19] == 0 && set.labels[20] == 1 && set.count == 21)
    #expect(set.leftOut.count == 12 && set.files.count == 21)
    let none = userError {
      _ = try load(listing, ImageFit(height: 9, width: 9, channels: 1), damaged: .skip)
    }
    #expect(none?.message == "none of its 33 files is an image that can be used")
  }

  @Test("many files are decoded into their places, whatever the number of threads")
  func manyFiles() throws {
    for i in 0..<1000 { try write(dot(UInt8(i * 7 % 256)), to: "a/\(10000 + i)") }
    let set = try load(ImageFolder(path: folder.path))
    #expect((0..<1000).allSatisfy { set.bytes?[$0] == UInt8($0 * 7 % 256) })
    for threads in [1, 3, 16] {
      let other = try ImageDataset.folder(
        ImageFolder(path: folder.path), fit: ImageFit(height: 1, width: 1, channels: 1), damaged: .fail,
        decoding: ImageDecoding(threads: threads))
      #expect(other.readerThreads == threads && [UInt8](other.pixels) == [UInt8](set.pixels))
    }
  }

  @Test("all damaged files are listed in the files' order, whatever the number of threads", arguments: [1, 2, 7])
  func damagedFilesInOrder(threads: Int) throws {
    for i in 0..<200 { try write(i % 9 == 4 ? Array("no image".utf8) : dot(UInt8(i)), to: "a/\(1000 + i)") }
    let set = try ImageDataset.folder(
      ImageFolder(path: folder.path), fit: ImageFit(height: 1, width: 1, channels: 1), damaged: .skip,
      decoding: ImageDecoding(threads: threads))
    let damaged: [String] = (0..<200).filter { $0 % 9 == 4 }.map { folder.file("a/\(1000 + $0)") }
    #expect(set.leftOut.map(\.subject) == damaged)
    let kept: [UInt8] = (0..<200).filter { $0 % 9 != 4 }.map { UInt8($0) }
    #expect([UInt8](set.pixels) == kept)
  }

  @Test("decoding that is stopped ends with its own error, and leaves no file behind", arguments: [1, 4])
  func stopped(threads: Int) throws {
    for i in 0..<64 { try write(dot(UInt8(i)), to: "set/a/\(i)") }
    let cache = folder.file("cache")
    let error = userError {
      _ = try ImageDataset.folder(
        ImageFolder(path: folder.file("set")), fit: ImageFit(height: 1, width: 1, channels: 1), damaged: .fail,
        place: .file(folder: cache),
        decoding: ImageDecoding(threads: threads) { done, count in
          #expect(done <= count)
        } isStopped: {
          true
        })
    }
    #expect(error?.category == .interrupted, "\(String(describing: error))")
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache) == [])
  }

  @Test("resizing and the crop of the middle make images of other sizes fit")
  func resizesAndCrops() throws {
    try write(ImageFixtures.bytes("sampling444.jpg"), to: "a/photo.jpg")
    let fit = ImageFit(height: 8, width: 8, channels: 3, shorterSide: 10, isCropped: true)
    let set = try load(ImageFolder(path: folder.path), fit)
    let expected = try ImageFixtures.expected("sampling444.jpg").resized(height: 10, width: 16).cropped(
      height: 8, width: 8)
    #expect(UnsafeBufferPointer(start: set.bytes, count: 192).elementsEqual(expected.pixels))
    var large = fit
    (large.height, large.width) = (11, 11)
    let error = userError { _ = try load(ImageFolder(path: folder.path), large) }
    #expect(error?.message == "is 16×10 pixels (width×height) after resizing; at least 11×11 are needed")
  }

  @Test("a share of every class is drawn for validation, the same each time")
  func validationSplit() throws {
    for i in 0..<20 { try write(dot(0), to: "a/\(100 + i)") }
    for i in 0..<5 { try write(dot(0), to: "b/\(i)") }
    let listing = try ImageFolder(path: folder.path)
    let (rest, drawn) = listing.split(share: 0.3)
    #expect(drawn.files.map(\.count) == [6, 2] && rest.files.map(\.count) == [14, 3])
    #expect((rest.files[0] + drawn.files[0]).sorted() == listing.files[0])
    #expect(drawn.files == drawn.files.map { $0.sorted() } && drawn.files[0] != Array(listing.files[0].prefix(6)))
    #expect(listing.split(share: 0.3).drawn.files == drawn.files)
    #expect(listing.split(share: 0).drawn.files == [[], []])
  }

  @Test("a link that leads back is an error, other links are followed")
  func links() throws {
    try write(dot(7), to: "set/a/1.png")
    try write(dot(8), to: "elsewhere/2.png")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("set/b"), withDestinationPath: folder.file("elsewhere"))
    let set = try load(ImageFolder(path: folder.file("set")))
    #expect(set.count == 2 && set.bytes?[1] == 8)
    try FileManager.default.createSymbolicLink(atPath: folder.file("set/a/loop"), withDestinationPath: "..")
    let error = userError { _ = try ImageFolder(path: folder.file("set")) }
    #expect(error?.category == .badData && error?.subject == folder.file("set/a/loop"))
    #expect(error?.message == "leads back to a folder above it")
  }

  @Test("a link to nowhere, a folder that is none, and a folder without classes are errors by name")
  func nothingThere() throws {
    try write(dot(7), to: "set/a/1.png")
    try FileManager.default.createSymbolicLink(atPath: folder.file("set/a/2.png"), withDestinationPath: "nowhere")
    let error = userError { _ = try load(ImageFolder(path: folder.file("set"))) }
    #expect(error?.subject == folder.file("set/a/2.png") && error?.category == .inputMissing)
    #expect(userError { _ = try ImageFolder(path: folder.file("none")) }?.category == .inputMissing)
    #expect(userError { _ = try ImageFolder(path: folder.file("set/a/1.png")) }?.message == "is not a folder")
    let flat = userError { _ = try ImageFolder(path: folder.file("set/a")) }
    #expect(flat?.message == "holds no class folders" && flat?.hint?.contains("move the images") == true)
    try FileManager.default.createDirectory(atPath: folder.file("set/b"), withIntermediateDirectories: false)
    let listing = try ImageFolder(path: folder.file("set"))
    #expect(userError { try listing.requireEveryClass() }?.subject == folder.file("set/b"))
  }

  @Test("names with newlines and quotes are names")
  func oddNames() throws {
    try write(dot(1), to: "a\nb/1\n\".png")
    try write([], to: "a\nb/2\n.png")
    let listing = try ImageFolder(path: folder.path)
    #expect(listing.classNames == ["a\nb"])
    let error = userError { _ = try load(listing) }
    #expect(error?.description.split(separator: "\n").count == 1)
    #expect(try load(listing, damaged: .skip).count == 1)
  }

  @Test("100,000 classes are listed")
  func manyClasses() throws {
    for i in 0..<100_000 where mkdir(folder.file(String(i)), 0o777) != 0 { Issue.record("no folder \(i)") }
    _ = try folder.write(dot(3), to: "99999/1.png")
    let listing = try ImageFolder(path: folder.path)
    #expect(listing.classNames.count == 100_000 && listing.classNames[2] == "10")
    let set = try load(listing)
    #expect(set.count == 1 && set.labels[0] == 99_999)
  }

  @Test("a set that does not fit into memory is refused before a file is read")
  func tooLarge() throws {
    try write([], to: "a/1.png")
    let fit = ImageFit(height: 1 << 20, width: 1 << 25, channels: 4)
    let error = userError { _ = try load(ImageFolder(path: folder.path), fit) }
    #expect(error?.category == .systemRefused)
    #expect(error?.message.contains("1×1048576×33554432×4 values of 1 bytes") == true, "\(error?.message ?? "")")
    #expect(error?.hint?.contains("decoded into memory") == true)
  }
}
