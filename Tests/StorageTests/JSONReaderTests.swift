import Diagnostics
import Testing

@testable import Storage

@Suite struct JSONReaderTests {
  private func parse(_ text: String, _ dialect: JSONReader.Dialect = .json5) throws -> JSONValue {
    try JSONReader.value(of: text, dialect: dialect, subject: "f")
  }

  /// JSON5 texts with their values.
  static let valid: [(String, JSONValue)] = [
    ("0", .integer(0)), ("-7", .integer(-7)), ("+7", .integer(7)), ("0x1F", .integer(31)), ("-0xa", .integer(-10)),
    (".5", .number(0.5)), ("5.", .number(5)), ("1e3", .number(1000)), ("-1.5E-3", .number(-0.0015)),
    ("12345678901234567168", .number(12_345_678_901_234_567_168)), ("9223372036854775807", .integer(.max)),
    ("'a\\'b'", .string("a'b")), ("\"\\u00e9\\x41\\n\"", .string("éA\n")), ("'\\ud83d\\ude00'", .string("😀")),
    ("'\\ud83d'", .string("\u{FFFD}")), ("'a\\\nb'", .string("ab")), ("[]", .array([])), ("{}", .object([])),
    ("[1,2,]", .array([.integer(1), .integer(2)])), ("/* c */ true // x", .bool(true)), ("\u{FEFF}\u{A0}null", .null),
    (
      "{a: 1, 'b c': 2, \"$d\": 3,}",
      .object([.init("a", .integer(1)), .init("b c", .integer(2)), .init("$d", .integer(3))])
    ),
  ]

  @Test("text reads as JSON5", arguments: valid)
  func textReadsAsJSON5(text: String, expected: JSONValue) throws {
    #expect(try parse(text) == expected)
  }

  @Test(
    "text that is not JSON5 is refused",
    arguments: [
      "01", "1_000", "0x", "--1", ".", "1e", "1e400", "NaN", "-Infinity", "", "tru", "[1,,2]", "[1 2]", "{a}",
      "{a: 1 b: 2}", "{a: 1} x", "'a\nb'", "'it''", "/* c", "'\\u+123'", "{a: 1, a: 2}", "[", "{", "{a:", "'\\", "{,}",
    ])
  func textThatIsNotJSON5IsRefused(text: String) {
    #expect(throws: UserError.self) { try parse(text) }
  }

  @Test("errors say line and column")
  func errorsSayLineAndColumn() throws {
    #expect(throws: UserError(.badConfiguration, "f", "line 3, column 6: found }; allowed: a value")) {
      try parse("{\n  é: 1,\n  b: }")
    }
    #expect(throws: UserError(.badConfiguration, "f", "line 1, column 7: found the end of the text; allowed: , or }")) {
      try parse("{ a: 1")
    }
    let large = "found 1048577 bytes; allowed: a JSON5 text of at most 1048576 bytes"
    #expect(throws: UserError(.badConfiguration, "f", large)) { try parse(String(repeating: " ", count: 1_048_577)) }
    #expect(try parse(String(repeating: " ", count: 1_048_575) + "1") == .integer(1))
    let twice = "line 2, column 1: the key \"a\" appears twice in one object; allowed: once"
    #expect(throws: UserError(.badConfiguration, "f", twice)) { try parse("{a: 1,\na: 2}") }
  }

  @Test("a comment ends with its line", arguments: ["\n", "\r", "\r\n", "\u{2028}", "\u{2029}"])
  func aCommentEndsWithItsLine(end: String) throws {
    #expect(try parse("// a { b\(end)1") == .integer(1))
    #expect(throws: UserError.self) { try parse("// a { b \u{85} \u{B} 1") }
  }

  /// Found by fuzzing: a negative zero lost its sign on its way through the printed text.
  @Test("negative zero keeps its sign", arguments: ["-0", "-0.0", "-0e5"])
  func negativeZeroKeepsItsSign(text: String) throws {
    let value = try parse(text)
    #expect(value.compactText == "-0")
    #expect(try parse(value.compactText).compactText == "-0")
    #expect(value.exactInteger == 0)
  }

  @Test("nesting is limited")
  func nestingIsLimited() throws {
    let deep: (Int) -> String = { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) }
    #expect(throws: Never.self) { try parse(deep(64)) }
    #expect(throws: UserError.self) { try parse(deep(65)) }
    #expect(throws: UserError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
  }

  /// Texts that are JSON in both dialects.
  static let strict: [(String, JSONValue)] = [
    ("0", .integer(0)), ("-7", .integer(-7)), ("1.50E+2", .number(150)), ("-0", .number(-0.0)),
    (" [1,\t2\r\n] ", .array([.integer(1), .integer(2)])), ("[]", .array([])), ("{ }", .object([])),
    (
      #"{"a":null,"\u0062":[{"c":false}]}"#,
      .object([.init("a", .null), .init("b", .array([.object([.init("c", .bool(false))])]))])
    ),
    (#""\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00""#, .string("\"\\/\u{8}\u{C}\n\r\t\u{E9}\u{1F600}")),
  ]

  @Test("strict text reads the same in both dialects", arguments: strict)
  func strictTextReadsTheSameInBothDialects(text: String, expected: JSONValue) throws {
    #expect(try parse(text, .strict) == expected)
    #expect(try parse(text, .json5) == expected)
  }

  /// What JSON5 adds, and what neither dialect allows.
  @Test(
    "text that is not strict is refused",
    arguments: [
      "+7", "0x1F", ".5", "5.", "-.5", "1.e3", "'a'", "[1,2,]", "{\"a\":1,}", "{a: 1}", "1 // x", "/* */ 1",
      "\u{FEFF}1",
      "\u{A0}1", "\u{B}1", "\"\\x41\"", "\"\\0\"", "\"\\v\"", "\"a\\\nb\"", "\"\\ud83d\"", "\"\t\"", "\"\u{1}\"", "01",
      "1e",
      "NaN", "", "[1 2]", "[,]", "{\"a\" 1}", "{\"a\":1,\"a\":2}", "1 1", "\"a", "[", "{", "tru", "-", "1e400",
    ])
  func textThatIsNotStrictIsRefused(text: String) {
    #expect(throws: UserError.self) { try parse(text, .strict) }
  }

  @Test("the outline says where members stand")
  func theOutlineSaysWhereMembersStand() throws {
    let text = "/* é */ { a: [1, 2] , 'b\\u0063' : /* x */ {d: '}'} // e\n }"
    let (brace, members) = try JSONReader.outline(of: text, subject: "f")
    let bytes = Array(text.utf8)
    func part(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
    #expect(bytes[brace] == UInt8(ascii: "{"))
    #expect(members.map(\.key.text) == ["a", "bc"])
    #expect(members.map { part($0.key.bytes) } == ["a", "'b\\u0063'"])
    #expect(members.map { part($0.valueBytes) } == ["[1, 2]", "{d: '}'}"])
    #expect(members[1].value == .object([.init("d", .string("}"))]))
    #expect(throws: UserError.self) { try JSONReader.outline(of: "[]", subject: "f") }
    #expect(throws: UserError.self) { try JSONReader.outline(of: "{} x", subject: "f") }
  }
}
