import Diagnostics
import Foundation
import TestSupport
import Testing

@testable import Storage

@Suite struct LineFileTests {
  private func text(_ path: String) throws -> String {
    String(decoding: try contents(ofFile: path), as: UTF8.self)
  }

  @Test("lines are visible at once")
  func linesAreVisibleAtOnce() throws {
    let folder = try TemporaryFolder()
    let file = try LineFile(path: folder.file("m.jsonl"), start: .empty)
    #expect(try text(file.path) == "")
    try file.append("{\"a\":1}")
    #expect(try text(file.path) == "{\"a\":1}\n")
    try file.append("")
    try file.append("ü")
    try file.flush()
    #expect(try text(file.path) == "{\"a\":1}\n\nü\n")
  }

  @Test("a file starts empty or keeps its lines")
  func startsEmptyOrKeepsLines() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array("one\ntwo\n".utf8), to: "m")
    try LineFile(path: path, start: .keepingFirst(.max)).append("three")
    #expect(try text(path) == "one\ntwo\nthree\n")
    try LineFile(path: path, start: .empty).append("new")
    #expect(try text(path) == "new\n")
    try LineFile(path: folder.file("fresh"), start: .keepingFirst(.max)).append("first")
    #expect(try text(folder.file("fresh")) == "first\n")
  }

  @Test("a torn last line is cut off", arguments: ["torn", "one\ntorn", "one\ntwo\n{\"torn"])
  func aTornLastLineIsCutOff(content: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(content.utf8), to: "m")
    try LineFile(path: path, start: .keepingFirst(.max)).append("next")
    let whole = content.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { $0 + "\n" }
    #expect(try text(path) == whole.joined() + "next\n")
  }

  @Test("a torn line longer than a buffer is cut off")
  func tornLinesLongerThanABuffer() throws {
    let folder = try TemporaryFolder()
    let lines = String(repeating: "x", count: 70_000) + "\n"
    let path = try folder.write(Array((lines + String(repeating: "y", count: 140_000)).utf8), to: "m")
    _ = try LineFile(path: path, start: .keepingFirst(.max))
    #expect(try text(path) == lines)
  }

  @Test("failures name the file")
  func failuresNameTheFile() throws {
    let folder = try TemporaryFolder()
    let missing = folder.file("none/m")
    #expect(
      userError { _ = try LineFile(path: missing, start: .empty) }
        == UserError(.cannotWrite, missing, "cannot be created: No such file or directory"))
    #expect(userError { _ = try LineFile(path: folder.path, start: .empty) }?.category == .cannotWrite)
    #expect(userError { _ = try LineFile(path: folder.path, start: .keepingFirst(.max)) }?.category == .cannotWrite)
    let full = try LineFile(path: "/dev/full", start: .empty)
    #expect(
      userError { try full.append("a") }
        == UserError(.cannotWrite, "/dev/full", "cannot be written: No space left on device"))
  }
}
