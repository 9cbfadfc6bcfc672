import Diagnostics
import TestSupport
import Testing

@testable import Storage

/// Every attack is a `.badData` error that names the file, the offset and both values.
@Suite struct HostileSafetensorsTests {
  private func file(_ header: [UInt8], data: Int = 4) -> [UInt8] {
    (0..<8).map { UInt8(header.count >> (8 * $0) & 255) } + header + [UInt8](repeating: 0, count: data)
  }

  private func expectRefused(
    _ bytes: [UInt8], _ parts: String..., at location: SourceLocation = #_sourceLocation
  ) {
    let error = userError { _ = try Safetensors.read(ByteInput(name: "w", bytes: bytes)) }
    #expect(error?.category == .badData, sourceLocation: location)
    #expect(error?.subject == "w", sourceLocation: location)
    for part in parts {
      let found = error?.message ?? "no error"
      #expect(found.contains(part), "'\(part)' is not in: \(found)", sourceLocation: location)
    }
  }

  private func expectRefused(
    _ header: String, data: Int = 4, _ part: String, at location: SourceLocation = #_sourceLocation
  ) {
    expectRefused(file(Array(header.utf8), data: data), part, at: location)
  }

  private func tensor(
    _ name: String = "a", dtype: String = "F32", shape: String = "1", offsets: String = "0,4"
  ) -> String {
    "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":[\(shape)],\"data_offsets\":[\(offsets)]}"
  }

  @Test("the harness accepts a good file")
  func theHarnessAcceptsAGoodFile() throws {
    for header in ["{\(tensor())}", "{\(tensor())} \n ", "{ \(tensor()) , \"__metadata__\" : { \"k\" : \"v\" } }"] {
      let read = try Safetensors.read(ByteInput(name: "w", bytes: file(Array(header.utf8))))
      #expect(read.tensors == [NamedTensor(name: "a", shape: [1], values: [0])])
    }
  }

  @Test("every truncated file is refused")
  func everyTruncation() {
    let whole = file(Array("{\"__metadata__\":{\"k\":\"v\"},\(tensor())}".utf8))
    for length in 0..<whole.count { expectRefused(Array(whole[..<length])) }
    expectRefused(whole + [0], "holds 5 bytes of data, but its tensors describe 4")
    expectRefused(Array(whole[..<5]), "ends after 5 bytes")
  }

  /// The length field: above the limit, above the file, and what would be negative as a signed number.
  @Test("wrong header lengths are refused")
  func headerLength() {
    expectRefused([UInt8](repeating: 255, count: 8) + [0x7B], "18446744073709551615", "100000000")
    expectRefused([0x01, 0xE1, 0xF5, 0x05, 0, 0, 0, 0] + [0x7B], "100000001 bytes at offset 0")
    expectRefused([0x00, 0xE1, 0xF5, 0x05, 0, 0, 0, 0] + [0x7B], "100000000 bytes at offset 0, but only 1 follow")
    expectRefused([0, 0, 0, 0, 0, 0, 0, 0x80, 0x7B, 0x7D], "allowed")
    expectRefused([0, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D], "starts with nothing")
  }

  @Test("wrong header starts are refused")
  func headerStart() {
    expectRefused(" {\(tensor())}", "offset 8: the header starts with byte 32")
    expectRefused("[\(tensor())]", "starts with '['")
    expectRefused("\u{FEFF}{}", data: 0, "byte 239")
    expectRefused("{}x", data: 0, "offset 10: found 'x' after")
    expectRefused("{}{}", data: 0, "after the header's end")
    expectRefused("{}\u{0}", data: 0, "byte 0 after")
  }

  @Test("duplicate keys are refused")
  func duplicateKeys() {
    expectRefused("{\(tensor()),\(tensor(offsets: "4,8"))}", data: 8, "tensor \"a\" appears twice")
    expectRefused("{\(tensor()),\(tensor("\\u0061", offsets: "4,8"))}", data: 8, "appears twice")
    // The same letter precomposed and decomposed: one name to Swift and to many file systems.
    expectRefused("{\(tensor("\u{E9}")),\(tensor("e\u{301}", offsets: "4,8"))}", data: 8, "appears twice")
    expectRefused("{\"__metadata__\":{},\"__metadata__\":{}}", data: 0, "appears twice")
    expectRefused("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", data: 0, "metadata \"k\" appears twice")
    expectRefused(
      "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "\"dtype\" twice")
    expectRefused(
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,4]}}", "\"shape\" twice")
  }

  @Test("bad UTF-8 is refused")
  func badUTF8() {
    for bad: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] {
      let header = Array("{\"__metadata__\":{\"k\":\"".utf8) + bad + Array("\"}}".utf8)
      expectRefused(file(header, data: 0), "offset 29: the string is not valid UTF-8")
    }
    expectRefused(file([0x7B, 0xFF, 0x7D], data: 0), "byte 255")
  }

  @Test("bad escapes are refused")
  func badEscapes() {
    for bad in ["\\x", "\\u12", "\\u12G4", "\\uD800", "\\uD800\\u0041", "\\uDC00", "\\uD800x", "\n", "\u{1}", "\\"] {
      expectRefused("{\"__metadata__\":{\"k\":\"\(bad)\"}}", data: 0, "offset")
    }
  }

  @Test("good escapes are read")
  func goodEscapes() throws {
    let header = #"{"__metadata__":{"k":"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00\u0000"}}"#
    let read = try Safetensors.read(ByteInput(name: "w", bytes: file(Array(header.utf8), data: 0)))
    #expect(read.metadata == ["k": "\"\\/\u{8}\u{C}\n\r\t\u{E9}\u{1F600}\u{0}"])
  }

  @Test("wrong offsets are refused")
  func offsets() {
    expectRefused("{\(tensor(offsets: "4,0"))}", "[4, 0]; they must be [begin, end] with begin ≤ end ≤ 4")
    expectRefused("{\(tensor(shape: "2", offsets: "0,8"))}", "[0, 8]")
    expectRefused("{\(tensor(offsets: "0"))}", "[0]")
    expectRefused("{\(tensor(offsets: "0,4,8"))}", "more than 2 numbers")
    expectRefused("{\(tensor(offsets: "-4,0"))}", "found '-' instead of a non-negative integer")
    expectRefused("{\(tensor(offsets: "0,18446744073709551620"))}", "larger than \(Int.max)")
    expectRefused("{\(tensor(offsets: "0,9223372036854775808"))}", "larger than \(Int.max)")
    expectRefused("{\(tensor(offsets: "0,4.0"))}", "found '.'")
    expectRefused("{\(tensor(offsets: "0,4e0"))}", "found 'e'")
    expectRefused("{\(tensor(offsets: "00,4"))}", "leading zeros")
  }

  @Test("overlaps and holes are refused")
  func overlapsAndHoles() {
    expectRefused(
      "{\(tensor()),\(tensor("b"))}", "begins at byte 0 of the data, but tensor \"a\" ends at 4: an overlap")
    expectRefused(
      "{\(tensor(shape: "2", offsets: "0,8")),\(tensor("b", shape: "2", offsets: "4,12"))}", data: 12,
      "an overlap of 4 bytes")
    expectRefused("{\(tensor(offsets: "4,8"))}", data: 8, "but the data's start ends at 0: a hole of 4 bytes")
    expectRefused("{\(tensor()),\(tensor("b", offsets: "8,12"))}", data: 12, "a hole of 4 bytes")
    expectRefused("{\(tensor())}", data: 12, "holds 12 bytes of data, but its tensors describe 4")
    expectRefused("{}", "holds 4 bytes of data, but its tensors describe 0")
    // An empty tensor in the middle of another is an overlap, too.
    expectRefused(
      "{\(tensor(shape: "2", offsets: "0,8")),\(tensor("e", shape: "0", offsets: "4,4"))}", data: 8, "overlap")
  }

  @Test("shapes that do not fit are refused")
  func shapes() {
    expectRefused("{\(tensor(shape: "2"))}", "shape [2] needs 8 bytes, but its data_offsets span 4")
    expectRefused("{\(tensor(shape: "0"))}", "needs 0 bytes")
    expectRefused("{\(tensor(shape: "4294967296,4294967296"))}", "more than \(Int.max)")
    expectRefused("{\(tensor(shape: "4611686018427387905"))}", "more than \(Int.max)")
    // 2⁶² · 4 wraps to 0: the product must be checked, not computed.
    expectRefused("{\(tensor(shape: "4611686018427387904", offsets: "0,0"))}", data: 0, "more than")
    expectRefused("{\(tensor(shape: "-1"))}", "found '-'")
    expectRefused("{\(tensor(shape: "\"1\""))}", "found '\"'")
    expectRefused("{\(tensor(shape: Array(repeating: "1", count: 65).joined(separator: ",")))}", "more than 64 numbers")
  }

  @Test("other element types are refused")
  func dtypes() {
    for dtype in ["F16", "BF16", "F64", "I32", "BOOL", "f32", "", "F32 "] {
      expectRefused("{\(tensor(dtype: dtype))}", "has dtype \"\(dtype)\"; allowed is F32")
    }
  }

  @Test("headers of the wrong form are refused")
  func wrongForms() {
    expectRefused("{\"a\":{}}", "lacks one of")
    expectRefused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", "lacks one of")
    expectRefused("{\"a\":1}", "found '1' instead of '{'")
    expectRefused("{\"a\":{\"dtype\":32}}", "found '3' instead of the dtype")
    expectRefused("{\"a\":{\"extra\":1}}", "the key \"extra\"")
    expectRefused("{\"__metadata__\":{\"k\":1}}", "instead of a text in quotes")
    expectRefused("{\"__metadata__\":null}", "found 'n'")
    expectRefused("{\(tensor()),}", "instead of a key")
    expectRefused("{,\(tensor())}", "instead of a key")
    expectRefused("{\(tensor()) \(tensor("b"))}", "instead of ','")
    expectRefused("{\"a\" \"b\"}", "instead of ':'")
    expectRefused("{\(tensor(shape: "1,"))}", "found ']'")
  }

  /// Deep nesting is refused at its first wrong bracket: no recursion to overflow.
  @Test("nesting is limited")
  func depth() {
    expectRefused(String(repeating: "{\"a\":", count: 100_000), "the key \"a\"")
    expectRefused("{\"a\":{\"shape\":" + String(repeating: "[", count: 100_000), "found '['")
  }

  /// The memory that a header can make us take is bounded, whatever it holds.
  @Test("counts are limited")
  func counts() {
    func many(_ count: Int) -> String {
      (0..<count).map { tensor("\($0)", shape: "0", offsets: "0,0") }.joined(separator: ",")
    }
    expectRefused("{\(many(100_001))}", data: 0, "the header names more than 100000 tensors")
    let entries = (0..<10_001).map { "\"\($0)\":\"\"" }.joined(separator: ",")
    expectRefused("{\"__metadata__\":{\(entries)}}", data: 0, "metadata has more than 10000 entries")
  }

  /// What a file puts into an error must neither flood nor control a terminal.
  @Test("errors stay printable")
  func errorsStayPrintable() {
    let name = "\\u001b[31m" + String(repeating: "x", count: 100_000)
    let error = userError {
      _ = try Safetensors.read(ByteInput(name: "w", bytes: file(Array("{\(tensor(name, dtype: "I8"))}".utf8))))
    }
    #expect((error?.message.count ?? 0) < 200)
    #expect(error?.message.contains("\u{1B}") == false)
  }
}
