import Diagnostics
import Foundation
import Storage
import TestSupport
import Testing

@testable import Pages

@Suite struct PageTests {
  /// Texts that end elements, attributes, comments and scripts where they are not escaped.
  static let hostile = [
    "</script><script>alert(1)</script>", "<!--", "-->", "]]>", "\"'`", "&amp;", "a\nb\u{0}\u{7F}", "\u{2028}\u{2029}",
  ]

  private func data(in html: String) throws -> String {
    let start = try #require(html.range(of: #"<script type="application/json" id="data">"#))
    let rest = html[start.upperBound...]
    return String(rest[..<(try #require(rest.range(of: "</script>"))).lowerBound])
  }

  @Test("a text of a run cannot leave its place", arguments: hostile)
  func aTextOfARunCannotLeaveItsPlace(text: String) throws {
    let value = JSONValue.object([.init("runs", .array([.object([.init("name", .string(text))])])), .init(text, .null)])
    let plain = Page(title: "run", data: .object([])).html
    let html = Page(title: text, data: value).html
    let embedded = try data(in: html)
    #expect(!embedded.contains { "<>&".contains($0) })
    #expect(try JSONReader.value(of: embedded, dialect: .strict, subject: "data") == value)
    // No element more than without the text.
    for mark in ["<", ">", "\"", "<!--"] {
      let count = { (page: String) in page.components(separatedBy: mark).count }
      let quotes = mark == "\"" ? embedded.components(separatedBy: mark).count - 1 : 0
      #expect(count(html) - quotes == count(plain), "\(mark)")
    }
  }

  @Test("the page's policy names its script, and allows nothing from elsewhere")
  func thePolicyNamesTheScript() throws {
    let html = Page(title: "run", data: .object([])).html
    #expect(html.hasPrefix("<!doctype html>"))
    let script = try #require(html.components(separatedBy: "<script>").last?.components(separatedBy: "</script>").first)
    var hash = SHA256()
    hash.update(Array(script.utf8))
    #expect(html.contains("script-src 'sha256-\(Data(hash.digest).base64EncodedString())'"))
    #expect(html.contains("default-src 'none'"))
    #expect(!html.contains("connect-src"))
    // The name of SVG's elements is an address that nobody asks.
    let addresses = html.components(separatedBy: "http").count - 1
    #expect(addresses == html.components(separatedBy: "http://www.w3.org/2000/svg").count)
  }

  @Test("a page replaces a page, and nothing else")
  func aPageReplacesAPageAndNothingElse() throws {
    let folder = try TemporaryFolder()
    let place = FilePlace(path: folder.path + "/report.html")
    let page = Page(title: "one", data: .object([]))
    try page.write(to: place)
    try Page(title: "two", data: .object([])).write(to: place)
    #expect(try folder.text("report.html").contains("<title>two</title>"))
    _ = try folder.write("<!doctype html>\nmy own", to: "report.html")
    #expect(throws: UserError.self) { try page.write(to: place) }
    #expect(try folder.text("report.html") == "<!doctype html>\nmy own")
  }

  @Test("a run of 100,000 steps gives a page of at most 2 MB")
  func aLongRunGivesASmallPage() {
    var curves = RunCurves()
    for step in 1...100_000 {
      let value = Double(step * 7919 % 100_003) / 7
      curves.add(
        .object([
          .init("kind", .string(step % 1000 == 0 ? "epoch" : "step")), .init("step", .integer(step)),
          .init("epoch", .integer((step - 1) / 1000 + 1)), .init("loss", .number(value)),
          .init("accuracy", .number(value / 3)), .init("val_loss", .number(value / 5)),
          .init("val_accuracy", .number(value / 9)), .init("lr", .number(value / 11)),
          .init("images_per_second", .number(value * 13)), .init("elapsed_s", .number(value)),
        ]))
    }
    let run = JSONValue.object([.init("name", .string("long")), .init("curves", curves.json)])
    let count = Page(runs: [run]).html.utf8.count
    #expect(count > 100_000 && count <= 2_000_000, "\(count) bytes")
  }

  @Test("base 64 is as everybody's", arguments: 0..<12)
  func base64IsAsEverybodys(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 89 + 250) }
    #expect(Base64.text(bytes) == Data(bytes).base64EncodedString())
  }
}
