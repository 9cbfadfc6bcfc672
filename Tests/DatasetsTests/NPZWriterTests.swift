import Diagnostics
import Storage
import TestSupport
import Testing

@testable import Datasets

/// Archives written here, as the reader here has them; `make test-data` compares with NumPy.
@Suite struct NPZWriterTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func data(_ names: [String]? = nil) throws -> ImageDataset {
    try ImageDataset(
      height: 2, width: 3, channels: 2, classCount: 3, bytes: (0..<48).map { UInt8($0 * 5) }, labels: [0, 2, 1, 2])
  }

  private func bytes(_ data: ImageDataset) -> [UInt8] { Array(data.pixels) }
  private func labels(_ data: ImageDataset) -> [Int32] { (0..<data.count).map { data.labels[$0] } }

  /// - Parameter largest: sizes from there on are in ZIP64 fields: never, at the contents, and at all but the first offset.
  @Test("what is written reads back as the same", arguments: [0xFFFF_FFFF, 150, 1])
  func roundTrip(largest: Int) throws {
    let (file, data) = (folder.file("a.npz"), try data())
    let names = ["", "über \u{1F600}", "c"]
    var writer = NPZWriter()
    writer.largestPlain = largest
    try writer.write([("train", data), ("test", data)], classNames: names, to: FilePlace(path: file))
    for name in ["train", "test"] {
      let found = try ImageDataset.arrays(
        images: .npz(file: file, name: "x_\(name)"), labels: .npz(file: file, name: "y_\(name)"))
      #expect([found.count, found.height, found.width, found.channels] == [4, 2, 3, 2])
      #expect(bytes(found) == bytes(data))
      #expect(labels(found) == [0, 2, 1, 2])
      #expect(found.classNames == names)
    }
    #expect(try ImageDataset.classNames(npz: file) == names)
    let shapes = try ImageDataset.arrayShapes(npz: file)
    #expect(shapes.map(\.name) == ["x_train", "y_train", "x_test", "y_test"])
    #expect(shapes.map(\.shape) == [[4, 2, 3, 2], [4], [4, 2, 3, 2], [4]])
  }

  @Test("floats stay floats")
  func floats() throws {
    let file = folder.file("f.npz")
    let values: [Float] = [0, 1.5, -2, 1e-30, 3, 4]
    let data = try ImageDataset(height: 1, width: 3, channels: 1, classCount: 2, floats: values, labels: [1, 0])
    try NPZWriter().write([("train", data)], classNames: nil, to: FilePlace(path: file))
    let found = try ImageDataset.arrays(
      images: .npz(file: file, name: "x_train"), labels: .npz(file: file, name: "y_train"))
    #expect(found.floats.map { floats in (0..<6).map { floats[$0] } } == values)
    #expect(found.classNames == nil)
  }

  @Test("fewer names than classes are refused, more give more classes")
  func countsOfNames() throws {
    let (file, data) = (folder.file("n.npz"), try data())
    func read() throws -> ImageDataset {
      try ImageDataset.arrays(images: .npz(file: file, name: "x_train"), labels: .npz(file: file, name: "y_train"))
    }
    try NPZWriter().write([("train", data)], classNames: ["a", "b"], to: FilePlace(path: file))
    #expect(throws: UserError.self) { try read() }
    try NPZWriter().write([("train", data)], classNames: ["a", "b", "c", "d"], to: FilePlace(path: file))
    #expect(try read().classCount == 4)
  }

  @Test("an array of names that is not what its header says is refused")
  func damagedNames() throws {
    let images = npy("|u1", [1, 1, 1], [7])
    let labels = npy("|u1", [1], [0])
    for names in [
      npy("<U2", [2], [UInt8](repeating: 65, count: 8)), npy("<U9999", [1], []), npy("<U1", [1, 1], [65, 0, 0, 0]),
    ] {
      let archive = zip([("x.npy", images, false), ("y.npy", labels, false), ("class_names.npy", names, false)])
      #expect(throws: UserError.self) {
        try ImageDataset.arrays(npz: ByteInput(name: "a", bytes: archive), images: "x", labels: "y")
      }
    }
    // An array of another type is none of ours.
    let archive = zip([
      ("x.npy", images, false), ("y.npy", labels, false), ("class_names.npy", npy("|u1", [1], [1]), false),
    ])
    #expect(
      try ImageDataset.arrays(npz: ByteInput(name: "a", bytes: archive), images: "x", labels: "y").classNames == nil)
  }

  @Test("a PNG file that is written has the pixels", arguments: [1, 3])
  func pictures(channels: Int) throws {
    let file = folder.file("p.png")
    let pixels = (0..<7 * 5 * channels).map { UInt8($0 * 2) }
    try PNGFile.write(pixels, height: 7, width: 5, channels: channels, to: FilePlace(path: file))
    let raster = try ImageFileReader().raster(path: file)
    #expect(raster == Raster(height: 7, width: 5, channels: channels, pixels: pixels))
    let header = try ImageFileReader().header(path: file)
    #expect(header == (7, 5, channels == 3))
  }

  @Test("a sample of a folder is spread over its classes")
  func samples() throws {
    for (name, count) in [("a", 10), ("b", 20)] {
      for i in 0..<count {
        try folder.makeFolder("c/\(name)")
        _ = try folder.write("", to: "c/\(name)/\(i + 10)")
      }
    }
    let all = try ImageFolder(path: folder.file("c"))
    let sample = all.sample(6)
    #expect(sample.files.map(\.count) == [2, 4])
    #expect(sample.files[0] == ["a/10", "a/15"])
    #expect(all.sample(30).files == all.files)
  }
}
