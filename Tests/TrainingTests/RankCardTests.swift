import Diagnostics
import Testing

@testable import Training

/// What a rank tells the others about itself before the first step.
@Suite("Cards of ranks")
struct RankCardTests {
  @Test("are read as they were written, whatever ends the lines of their texts", arguments: ["", "\r", "\u{85}", "é"])
  func written(end: String) throws {
    let text = "program\(end)\n2\ndata\(end)\n3\nkey\(end)\nvalue\(end)\nother\n1"
    let card = try RankCard(Array(text.utf8), from: "rank 1")
    #expect(card.program == "program" + end && card.numerics == 2 && card.data == "data" + end && card.workers == 3)
    #expect(card.keys == ["key" + end: "value" + end, "other": "1"])
    #expect(try RankCard(card.bytes, from: "rank 1") == card)
  }

  @Test(
    "are refused where they are none",
    arguments: ["", "program", "program\n2\ndata\n0", "program\ntwo\ndata\n3", "program\n2\ndata\n3\nkey"])
  func refused(text: String) {
    #expect { try RankCard(Array(text.utf8), from: "rank 1") } throws: { error in
      (error as? UserError)?.category == .internalFailure && "\(error)".contains("rank 1")
    }
  }
}
