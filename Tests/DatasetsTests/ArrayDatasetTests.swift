import Diagnostics
import Storage
import TestSupport
import Testing

@testable import Datasets

@Suite struct ArrayDatasetTests {
  private let folder: TemporaryFolder
  private let pixels = (1...12).map { UInt8($0) }

  init() throws { folder = try TemporaryFolder() }

  private func archive(
    images: [UInt8]? = nil, labels: [UInt8]? = nil, deflated: Bool = false
  ) throws -> ImageDataset {
    let file = try folder.write(
      zip([
        ("x_train.npy", images ?? npy("|u1", [3, 2, 2], pixels), deflated),
        ("y_train.npy", labels ?? npy("|u1", [3], [0, 2, 1]), deflated),
      ]), to: "set.npz")
    return try ImageDataset.arrays(
      images: .npz(file: file, name: "x_train"), labels: .npz(file: file, name: "y_train"))
  }

  private func refusal(
    images: [UInt8]? = nil, labels: [UInt8]? = nil, deflated: Bool = false
  ) -> String {
    let error = userError { _ = try archive(images: images, labels: labels, deflated: deflated) }
    #expect(error?.category == .badData)
    return error?.description ?? "none"
  }

  @Test("bytes from an archive, stored and deflated", arguments: [false, true])
  func bytes(deflated: Bool) throws {
    let set = try archive(deflated: deflated)
    #expect([set.count, set.height, set.width, set.channels, set.classCount] == [3, 2, 2, 1, 3])
    #expect(UnsafeBufferPointer(start: set.bytes, count: 12).elementsEqual(pixels))
    #expect(Array(UnsafeBufferPointer(start: set.labels, count: 3)) == [0, 2, 1])
    #expect(set.classNames == nil)
  }

  @Test("32-bit floats with channels, from two files")
  func floats() throws {
    let values: [Float] = [0, -1.5, .leastNonzeroMagnitude, 1e38]
    let content = values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
    let set = try ImageDataset.arrays(
      images: .npy(folder.write(npy("<f4", [1, 2, 1, 2], content), to: "x.npy")),
      labels: .npy(folder.write(npy("<i8", [1, 1], [4, 0, 0, 0, 0, 0, 0, 0]), to: "y.npy")))
    #expect([set.count, set.height, set.width, set.channels, set.classCount] == [1, 2, 1, 2, 5])
    #expect(UnsafeBufferPointer(start: set.floats, count: 4).elementsEqual(values))
  }

  @Test("labels of every integer type", arguments: ["|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8"])
  func labels(type: String) throws {
    let size = Int(type.suffix(1)) ?? 0
    let content = [7, 0, 100].flatMap { [UInt8($0)] + [UInt8](repeating: 0, count: size - 1) }
    let set = try archive(labels: npy(type, [3], content))
    #expect(Array(UnsafeBufferPointer(start: set.labels, count: 3)) == [7, 0, 100])
  }

  @Test("labels below 0 or out of range are refused with their place")
  func labelsOutOfRange() {
    #expect(refusal(labels: npy("|i1", [3], [0, 255, 0])).contains("label 1 is -1; allowed are 0 to 2147483646"))
    #expect(refusal(labels: npy("<i4", [3], [UInt8](repeating: 255, count: 12))).contains("label 0 is -1"))
    #expect(refusal(labels: npy("<u8", [3], [UInt8](repeating: 255, count: 24))).contains("is 18446744073709551615"))
    #expect(refusal(labels: npy("<u4", [3], [UInt8](repeating: 255, count: 12))).contains("is 4294967295"))
  }

  @Test("every other kind of array is refused by name")
  func otherArrays() {
    let float = [UInt8](repeating: 0, count: 48)
    #expect(refusal(images: npy("<f8", [3, 2, 1], float)).contains("type <f8; allowed: u1"))
    #expect(refusal(images: npy(">f4", [3, 2, 2], float)).contains("type >f4"))
    #expect(refusal(images: npy("<f4", [3, 4], float)).contains("has the shape [3, 4]; allowed: [count, height"))
    #expect(refusal(images: npy("|u1", [4, 3, 1], pixels)).contains("[4, 3, 1]"))
    #expect(refusal(labels: npy("<f4", [3], Array(float.prefix(12)))).contains("labels of type <f4"))
    #expect(refusal(labels: npy("|u1", [3, 2], Array(pixels.prefix(6)))).contains("labels of shape [3, 2]"))
    #expect(refusal(labels: npy("|O", [3], [0])).contains("type |O"))
    #expect(refusal(labels: npy("|u1", [], [0])).contains("labels of shape []"))
    #expect(refusal(labels: npy("|u1", [0], [])).contains("no elements"))
    let nan = [0, 0, 0xC0, 0x7F].map { UInt8($0) } + [UInt8](repeating: 0, count: 44)
    #expect(refusal(images: npy("<f4", [3, 2, 2], nan)).contains("holds nan in image 0"))
  }

  @Test(
    "a header that is not NumPy's is refused",
    arguments: [
      "", "{", "{}", "{'descr': '|u1', 'fortran_order': False}",
      "{'descr': '|u1', 'fortran_order': True, 'shape': (3,)}",
      "{'descr': '|u1', 'descr': '|u1', 'shape': (3,)}", "{'descr': '|u1', 'fortran_order': False, 'shape': (-3,), }",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), 'x': 1}",
      "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (3,), }",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,), }",
    ])
  func otherHeaders(header: String) { #expect(refusal(labels: npy(header, [0, 2, 1])) != "none") }

  @Test("shapes beyond the content are refused before memory is taken", arguments: [false, true])
  func declaredShapes(deflated: Bool) {
    let huge = 1 << 40
    #expect(refusal(images: npy("|u1", [3, huge, 2], pixels), deflated: deflated).contains("declares the shape"))
    #expect(refusal(images: npy("|u1", [huge, huge, huge], pixels), deflated: deflated).contains("declares the shape"))
    #expect(refusal(labels: npy("<i8", [huge], pixels), deflated: deflated).contains("declares the shape"))
    #expect(refusal(labels: npy("|u1", [4], [0, 2, 1]), deflated: deflated).contains("[4] of |u1"))
    #expect(refusal(labels: npy("|u1", [2], [0, 2, 1]), deflated: deflated).contains("[2] of |u1"))
  }

  @Test("an unknown array's error names those that are there")
  func unknownName() throws {
    let file = try folder.write(zip([("x_tain.npy", [], false), ("note", [], false)]), to: "set.npz")
    let error = userError {
      _ = try ImageDataset.arrays(images: .npz(file: file, name: "x"), labels: .npz(file: file, name: "x_train"))
    }
    #expect(error?.message == "holds no array x_train; found: x_tain, note")
    #expect(error?.hint == "the nearest is x_tain")
  }

  @Test("every truncated archive is refused", arguments: [false, true])
  func everyTruncation(deflated: Bool) throws {
    _ = try archive(deflated: deflated)
    let whole = try contents(ofFile: folder.file("set.npz"))
    for length in 0..<whole.count {
      let file = try folder.write(Array(whole[..<length]), to: "cut.npz")
      let error = userError {
        _ = try ImageDataset.arrays(
          images: .npz(file: file, name: "x_train"), labels: .npz(file: file, name: "y_train"))
      }
      #expect(error?.category == .badData, "\(length) bytes")
    }
  }

  /// Wrong pixels never come through: the archive's checksum covers them.
  @Test("every damaged bit of an archive is found or harmless", arguments: [false, true])
  func everyDamagedBit(deflated: Bool) throws {
    _ = try archive(deflated: deflated)
    let whole = try contents(ofFile: folder.file("set.npz"))
    for bit in 0..<8 * whole.count {
      var bytes = whole
      bytes[bit / 8] ^= 1 << (bit % 8)
      let file = try folder.write(bytes, to: "damaged.npz")
      let error = userError {
        let set = try ImageDataset.arrays(
          images: .npz(file: file, name: "x_train"), labels: .npz(file: file, name: "y_train"))
        #expect(UnsafeBufferPointer(start: set.bytes, count: 12).elementsEqual(pixels), "bit \(bit)")
        #expect(Array(UnsafeBufferPointer(start: set.labels, count: 3)) == [0, 2, 1], "bit \(bit)")
      }
      #expect(error == nil || error?.category == .badData, "bit \(bit): \(String(describing: error))")
    }
  }

  @Test("an archive's one array of images is found without its name")
  func onlyImages() throws {
    _ = try archive()
    let set = try ImageDataset.onlyImages(npz: folder.file("set.npz"))
    #expect([set.count, set.height, set.classCount] == [3, 2, 1])
    let two = try folder.write(
      zip([("a.npy", npy("|u1", [3, 2, 2], pixels), true), ("b.npy", npy("|u1", [3, 2, 2], pixels), false)]),
      to: "two.npz")
    #expect(userError { _ = try ImageDataset.onlyImages(npz: two) }?.message.contains("a, b") == true)
  }

  /// Written by `numpy.savez` and `numpy.savez_compressed`, whose archives have ZIP64 fields.
  @Test("NumPy's own archives are read", arguments: ["stored.npz", "deflated.npz"])
  func numpy(name: String) throws {
    let file = fixture("arrays/\(name)")
    let set = try ImageDataset.arrays(images: .npz(file: file, name: "x"), labels: .npz(file: file, name: "y"))
    #expect([set.count, set.height, set.width, set.channels, set.classCount] == [5, 4, 3, 2, 5])
    #expect((0..<120).allSatisfy { set.bytes?[$0] == UInt8($0 * 7 % 256) })
    #expect((0..<5).allSatisfy { set.labels[$0] == Int32(4 - $0) })
  }
}
