import Foundation
import Testing

@testable import lockstep

/// The man page that is part of the repository; Tests/Manual/check formats it.
@Suite struct ManPageTests {
  private static let path =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path + "/docs/lockstep.1"

  @Test("docs/lockstep.1 is what the tables give, or is written with LOCKSTEP_WRITE_REFERENCES set")
  func thePageIsUpToDate() throws {
    if ProcessInfo.processInfo.environment["LOCKSTEP_WRITE_REFERENCES"] != nil {
      try ManPage.text.write(toFile: Self.path, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOfFile: Self.path, encoding: .utf8) == ManPage.text, "make references writes it")
  }

  @Test("the page names every command, flag and exit code, in ASCII")
  func thePageNamesEverything() {
    for command in Command.all {
      #expect(ManPage.text.contains(".SS \"\(command.name)\""))
      for flag in command.flags {
        #expect(ManPage.text.contains("\\fB\(flag.text.replacing("-", with: "\\-"))\\fR"))
      }
    }
    for (code, _) in ExitCode.meanings { #expect(ManPage.text.contains("\\fB\(code)\\fR")) }
    #expect(ManPage.text.utf8.allSatisfy { $0 == 10 || (32..<127).contains($0) })
  }
}
