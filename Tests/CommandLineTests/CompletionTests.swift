import Foundation
import TestSupport
import Testing

@testable import lockstep

/// What `completions` prints; Tests/Completions/check asks zsh and fish, too.
@Suite struct CompletionTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    _ = try folder.write("{}", to: "tiny.json")
  }

  private func run(_ arguments: [String]) throws -> ProcessResult {
    try Executable.run(arguments, folder: folder.path)
  }

  @Test("completion scripts name every command and its flags", arguments: Shell.allCases)
  func completions(shell: Shell) throws {
    let result = try run(["completions", shell.rawValue])
    #expect(result.exitCode == 0 && result.output == shell.script)
    for command in Command.all {
      for word in command.words { #expect(shell.script.contains(word)) }
      for flag in command.flags { #expect(shell.script.contains(flag.name)) }
    }
  }

  @Test(
    "what bash offers",
    arguments: [
      (["lockstep", "tr"], "train"), (["lockstep", "bench", "s"], "scaling"),
      (["lockstep", "train", "--ep"], "--epochs"),
      (["lockstep", "export", "tiny.json", "--format", ""], "onnx keras pytorch"),
      (["lockstep", "train", "ti"], "tiny.json"),
      (["lockstep", "bench", "throughput", "ti"], "tiny.json"), (["lockstep", "completions", "z"], "zsh"),
      (["lockstep", "train", "--lr", ""], ""),
    ])
  func bash(words: [String], offered: String) throws {
    _ = try folder.write(Shell.bash.script, to: "bash")
    _ = try folder.write(
      "source ./bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _lockstep; echo \"${COMPREPLY[@]}\"", to: "ask")
    let result = try Executable.run(
      ["ask"] + words, folder: folder.path, executable: "/bin/bash")
    #expect(result.exitCode == 0 && result.errors == "", "\(result.errors)")
    let found = result.output.split(whereSeparator: \.isWhitespace).map(String.init).sorted()
    #expect(found == offered.split(separator: " ").map(String.init).sorted())
  }

  @Test("an unknown shell is a usage error")
  func unknownShell() throws {
    let result = try run(["completions", "fsh"])
    #expect(result.exitCode == 64 && result.errors.contains("allowed: bash, zsh, fish"), "\(result.errors)")
    #expect(try run(["completions"]).exitCode == 64)
  }
}
