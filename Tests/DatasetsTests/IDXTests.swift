import Diagnostics
import Storage
import TestSupport
import Testing

@testable import Datasets

@Suite struct IDXTests {
  let images = idx([3, 2, 2], Array(1...12))
  let labels = idx([3], [0, 2, 1])

  private func read(_ images: [UInt8], _ labels: [UInt8], classCount: Int? = nil) throws -> ImageDataset {
    try ImageDataset.idx(
      images: ByteInput(name: "i", bytes: images), labels: ByteInput(name: "l", bytes: labels), classCount: classCount)
  }

  private func expectContent(_ set: ImageDataset, channels: Int = 1, classCount: Int = 3) throws {
    #expect([set.count, set.channels, set.classCount] == [3, channels, classCount])
    let count = 3 * set.height * set.width * set.channels
    #expect(Array(UnsafeBufferPointer(start: try #require(set.bytes), count: count)) == Array(1...UInt8(count)))
    #expect(Array(UnsafeBufferPointer(start: set.labels, count: 3)) == [0, 2, 1])
  }

  @Test("plain and gzip files mix in any combination")
  func plainAndGzipInAnyCombination() throws {
    for images in [images, gzip(images)] {
      for labels in [labels, gzip(labels)] {
        let set = try read(images, labels)
        try expectContent(set)
        #expect([set.height, set.width] == [2, 2])
      }
    }
  }

  @Test("files are told apart by content, not by name")
  func filesAreToldApartByContentNotName() throws {
    let folder = try TemporaryFolder()
    let set = try ImageDataset.idx(
      images: folder.write(gzip(images), to: "images"), labels: folder.write(labels, to: "labels.gz"))
    try expectContent(set)
  }

  @Test("four dimensions are channels last")
  func fourDimensionsAreChannelsLast() throws {
    let set = try read(idx([3, 1, 2, 3], Array(1...18)), labels)
    try expectContent(set, channels: 3)
    #expect([set.height, set.width] == [1, 2])
  }

  @Test("several gzip members are one content")
  func severalGzipMembersAreOneContent() throws {
    for cut in [1, 2, 4, 10, 16, 23, images.count] {
      let members = gzip(Array(images[..<cut])) + gzip(Array(images[cut...])) + gzip([])
      try expectContent(try read(members, labels))
    }
  }

  @Test("content larger than every buffer is read")
  func contentLargerThanEveryBuffer() throws {
    let count = 300
    var state: UInt32 = 1
    let pixels = (0..<count * 28 * 28).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(state >> 24)
    }
    let set = try read(gzip(idx([count, 28, 28], pixels)), idx([count], [UInt8](repeating: 0, count: count)))
    #expect(UnsafeBufferPointer(start: set.bytes, count: pixels.count).elementsEqual(pixels))
    #expect(set.classCount == 1)
  }

  @Test("labels are checked against the expected number of classes")
  func expectedClassCount() throws {
    #expect(try read(images, labels, classCount: 10).classCount == 10)
    let error = userError { _ = try read(images, labels, classCount: 2) }
    #expect(error == UserError(.badData, "l", "label 1, at offset 9, is 2; allowed are 0 to 1"))
  }

  @Test("images can be read without labels")
  func imagesAlone() throws {
    let folder = try TemporaryFolder()
    let set = try ImageDataset.images(idx: folder.write(images, to: "i"))
    #expect([set.count, set.height, set.width, set.channels, set.classCount] == [3, 2, 2, 1, 1])
    #expect(Array(UnsafeBufferPointer(start: set.labels, count: 3)) == [0, 0, 0])
  }

  @Test("files that cannot be opened are missing input")
  func filesThatCannotBeOpened() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(labels, to: "l")
    for missing in [folder.file("none"), folder.path, path + "/below", "/dev/null", ""] {
      let error = userError { _ = try ImageDataset.idx(images: missing, labels: path) }
      #expect(error?.category == .inputMissing && error?.subject == missing, "\(missing): \(String(describing: error))")
    }
  }
}
