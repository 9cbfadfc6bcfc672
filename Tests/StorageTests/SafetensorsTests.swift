import Diagnostics
import TestSupport
import Testing

@testable import Storage

@Suite struct SafetensorsTests {
  private let oddName = "odd \"name\" \\ with\ttab, ü, 数 and 😀"

  @Test("tensors read back the same")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("w.safetensors")
    let tensors = [
      NamedTensor(name: "z.weight", shape: [2, 3], values: [1, -2, 3.5, .infinity, -0.0, .leastNonzeroMagnitude]),
      NamedTensor(name: "empty", shape: [4, 0], values: []),
      NamedTensor(name: "a.scalar", shape: [], values: [7]),
      NamedTensor(name: "empty too", shape: [0], values: []),
      NamedTensor(name: oddName + "\u{0}\u{1}\u{1F}\u{7F}\r\n", shape: [1, 1, 1], values: [9]),
      NamedTensor(name: "", shape: [1], values: [10]),
    ]
    let metadata = ["format": "lockstep", "": "empty key", "ключ \"\n\u{1}": "значение \\"]
    try Safetensors.write(tensors, metadata: metadata, to: path)
    let file = try Safetensors.read(path)
    #expect(file.tensors == tensors)
    #expect(file.metadata == metadata)
    let bytes = try contents(ofFile: path)
    let headerBytes = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    #expect(headerBytes % 8 == 0 && bytes.count == 8 + headerBytes + 4 * 9)
  }

  /// Bits, not values: NaN payloads and signed zeros survive.
  @Test("every bit survives")
  func everyBitSurvives() throws {
    let folder = try TemporaryFolder()
    let bits: [UInt32] = [0x7FC0_0001, 0xFFC1_2345, 0x7F80_0001, 0x8000_0000, 1]
    let tensor = NamedTensor(name: "t", shape: [5], values: bits.map(Float.init(bitPattern:)))
    try Safetensors.write([tensor], metadata: [:], to: folder.file("w"))
    #expect(try Safetensors.read(folder.file("w")).tensors[0].values.map(\.bitPattern) == bits)
  }

  @Test("a file without tensors reads back")
  func nothingAtAll() throws {
    let folder = try TemporaryFolder()
    try Safetensors.write([], metadata: [:], to: folder.file("w"))
    #expect(try contents(ofFile: folder.file("w")) == [8, 0, 0, 0, 0, 0, 0, 0] + Array("{}      ".utf8))
    #expect(try Safetensors.read(folder.file("w")) == SafetensorsFile(tensors: [], metadata: [:]))
  }

  @Test("same values give the same bytes")
  func sameValuesGiveTheSameBytes() throws {
    let folder = try TemporaryFolder()
    let metadata = Dictionary(uniqueKeysWithValues: (0..<50).map { ("key\($0)", "\($0)") })
    let reversed = Dictionary(uniqueKeysWithValues: (0..<50).reversed().map { ("key\($0)", "\($0)") })
    try Safetensors.write([], metadata: metadata, to: folder.file("a"))
    try Safetensors.write([], metadata: reversed, to: folder.file("b"))
    #expect(try contents(ofFile: folder.file("a")) == contents(ofFile: folder.file("b")))
  }

  /// A file of the Python package (Tests/Fixtures/safetensors/make.py).
  @Test("a file written by Python is read")
  func readsPythonsFile() throws {
    let file = try Safetensors.read(fixture("safetensors/python.safetensors"))
    #expect(file.metadata == ["format": "np", "note": "quotes \" and \n lines", "ключ": "значение"])
    let tensors = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0) })
    #expect(Set(tensors.keys) == ["conv2d_1.weight", "scalar", "empty", oddName])
    #expect(tensors["conv2d_1.weight"]?.shape == [2, 3, 1, 4])
    #expect(tensors["conv2d_1.weight"]?.values == (0..<24).map { Float($0) / 8 - 1 })
    #expect(tensors["scalar"] == NamedTensor(name: "scalar", shape: [], values: [-0.5]))
    #expect(tensors["empty"] == NamedTensor(name: "empty", shape: [3, 0, 2], values: []))
    let odd = try #require(tensors[oddName])
    #expect(odd.values.map(\.bitPattern) == [0x7F80_0000, 0xFF80_0000, 1, 0x8000_0000])
  }

  @Test("missing and unwritable files are errors")
  func missingAndUnwritable() throws {
    let folder = try TemporaryFolder()
    #expect(userError { _ = try Safetensors.read(folder.file("none")) }?.category == .inputMissing)
    #expect(userError { _ = try Safetensors.read(folder.path) }?.category == .inputMissing)
    #expect(
      userError { try Safetensors.write([], metadata: [:], to: folder.file("none/w")) }?.category == .cannotWrite)
  }
}
