import Testing

@testable import Storage

@Suite struct JSONWriterTests {
  @Test("numbers print in their shortest form, and as null if not finite")
  func numbersPrintShortestAndNonFiniteAsNull() {
    let values: [Double] = [1, -0.0, 0.1, 1e-5, .leastNonzeroMagnitude, 1e22, .nan, .infinity, 1.0 / 3]
    #expect(
      JSONValue.array(values.map { .number($0) }).compactText
        == "[1,-0,0.1,1e-05,5e-324,1e+22,null,null,0.3333333333333333]")
    var writer = JSONWriter()
    writer.array { (writer) in for value: Float in [1, 0.1, 1.0 / 3, .nan] { writer.number(value) } }
    #expect(writer.text == "[1,0.1,0.33333334,null]")
  }

  @Test("strings are escaped")
  func stringsAreEscaped() throws {
    #expect(JSONValue.string("a\"\\\n\u{1}é\u{7F}").compactText == "\"a\\\"\\\\\\n\\u0001é\\u007f\"")
    let every = String(String.UnicodeScalarView((0..<0x300).compactMap { Unicode.Scalar($0) }))
    #expect(try JSONReader.value(of: JSONWriter.quoted(every), dialect: .strict, subject: "f") == .string(every))
  }

  @Test("values are separated inside their container")
  func valuesAreSeparatedInsideTheirContainer() {
    var writer = JSONWriter()
    writer.array { writer in
      writer.object { writer in
        writer.member("a") { $0.integers([1, 2]) }
        writer.member("b") { $0.object { _ in } }
      }
      writer.null()
      writer.value(.array([.bool(true), .object([])]))
    }
    #expect(writer.text == #"[{"a":[1,2],"b":{}},null,[true,{}]]"#)
  }

  @Test("short values stay on one line")
  func shortValuesStayOnOneLine() {
    let small: JSONValue = .object([.init("a", .array([.integer(1), .integer(2)])), .init("b", .object([]))])
    #expect(small.prettyText() == "{\n  \"a\": [1, 2],\n  \"b\": {}\n}")
    #expect(small.excerpt() == "{ \"a\": [1, 2], \"b\": {} }")
    #expect(JSONValue.object([]).prettyText() == "{}")
  }
}
