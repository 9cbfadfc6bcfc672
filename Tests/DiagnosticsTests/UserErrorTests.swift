import Testing

@testable import Diagnostics

@Suite struct UserErrorTests {
  private let first = UserError(.badConfiguration, "a.b", "found 1\n2; allowed: 3", hint: "try\t3")

  @Test("an error is one line and its hint another")
  func anErrorIsALineAndItsHintAnother() {
    #expect(first.description == "a.b: found 1?2; allowed: 3\n  hint: try?3")
    #expect(first.adding("(in x)").description == "a.b: found 1?2; allowed: 3 (in x)\n  hint: try?3")
  }

  @Test("several errors take a line each")
  func severalErrorsAreALineEach() {
    let error = UserError(
      .badConfiguration, "x.json", parts: [first, UserError(.badConfiguration, "c", "is missing")], of: 2)
    #expect(
      error.description
        == "x.json: 2 mistakes\n  a.b: found 1?2; allowed: 3\n    hint: try?3\n  c: is missing")
    let many = UserError(.badConfiguration, "x.json", parts: Array(repeating: first, count: 100), of: 1000)
    #expect(many.description.split(separator: "\n").count == 42)
    #expect(many.description.hasSuffix("\n  and 980 more"))
  }
}
