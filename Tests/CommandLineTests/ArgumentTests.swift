import Diagnostics
import Testing
import Training

@testable import lockstep

@Suite struct ArgumentTests {
  private func invocation(_ line: String) throws -> Invocation? {
    guard case .run(let invocation) = try ArgumentParser.parse(line.split(separator: " ").map(String.init)) else {
      return nil
    }
    return invocation
  }

  @Test func commandsAndFlagsInAnyOrder() throws {
    let found: Invocation? = try invocation("--json train --no_progress --output=o a.json --batch_size 7")
    #expect(found?.command == .train)
    #expect(found?.configuration == "a.json")
    #expect(found?.flags.map(\.flag) == [.json, .noProgress, .output, .batchSize])
    #expect(found?.value(.output) == "o")
    #expect(try invocation("bench throughput a.json")?.command == .throughput)
    #expect(try invocation("bench --json throughput a.json")?.command == .throughput)
    #expect(try invocation("topology")?.configuration == nil)
    #expect(try invocation("bench kernels")?.command == .kernels)
    #expect(try invocation("bench kernels a.json --json")?.configuration == "a.json")
    #expect(try invocation("config -- --weird.json")?.configuration == "--weird.json")
    #expect(try invocation("train a --output x --output y")?.value(.output) == "y")
  }

  @Test func overridesKeepTheirOrder() throws {
    let overrides: [ConfigurationOverride]? = try invocation(
      "train a --epochs 3 --set training.epochs=4 --lr -1 --workers auto --set name=a=b"
    )?.overrides()
    #expect(
      overrides?.map(\.path) == [
        "training.epochs", "training.epochs", "training.optimizer.lr", "runtime.workers", "name",
      ])
    #expect(overrides?.map(\.value) == [.integer(3), .integer(4), .integer(-1), .string("auto"), .string("a=b")])
    #expect(overrides?.first?.origin == "--epochs 3")
  }

  @Test func helpAndVersionWin() throws {
    #expect(try ArgumentParser.parse(["--version"]) == .version)
    #expect(try ArgumentParser.parse(["train", "--version"]) == .version)
    #expect(try ArgumentParser.parse(["--help"]) == .help(nil))
    #expect(try ArgumentParser.parse(["-h"]) == .help(nil))
    #expect(try ArgumentParser.parse(["predict", "--help"]) == .help(.predict))
  }

  @Test(arguments: [
    ("", "no command"), ("trian a", "the nearest known command is train"),
    ("bench", "the nearest known command is bench kernels"),
    ("bench througput a", "the nearest known command is bench throughput"),
    ("train", "no CONFIG"), ("train a b", "unexpected"), ("train a --outptu x", "the nearest known flag is --output"),
    ("train a -q", "unknown flag"), ("train a --images x", "allowed with: predict"), ("train a --output", "no value"),
    ("train a --output=", "no value"), ("train a --json=1", "allowed: no value"), ("evaluate a", "no --weights"),
    ("predict a --weights w", "no --images"), ("topology a b", "unexpected"),
  ])
  func whatIsNotUnderstoodIsAUsageError(line: String, words: String) {
    do {
      _ = try invocation(line)
      Issue.record("understood: \(line)")
    } catch let error as UserError {
      #expect(error.category == .usage)
      #expect(error.description.contains(words), "\(error)")
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test(arguments: ["x", "=3"])
  func setNeedsAKeyPathAndAValue(text: String) throws {
    let invocation: Invocation? = try invocation("train a --set \(text)")
    #expect(throws: UserError.self) { try invocation?.overrides() }
  }

  @Test func everyFlagBelongsSomewhereAndHelpFitsATerminal() {
    for flag: Flag in Flag.allCases where flag != .version && flag != .help {
      #expect(Command.allCases.contains { $0.flags.contains(flag) }, "\(flag.text) is taken by no command")
    }
    for text: String in [HelpText.program()] + Command.allCases.map({ HelpText.command($0) }) {
      for line: Substring in text.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
    }
    for command: Command in Command.allCases { #expect(HelpText.program().contains("\n  \(command.rawValue)")) }
    #expect(HelpText.program().split(separator: "\n").count < 30)
  }

  @Test func everyFailureHasItsExitCode() {
    let codes: [(UserError.Category, Int32)] = [
      (.usage, 64), (.badData, 65), (.inputMissing, 66), (.internalFailure, 70), (.systemRefused, 71),
      (.cannotWrite, 74), (.diverged, 76), (.badConfiguration, 78),
    ]
    for (category, code) in codes { #expect(ExitCode.of(UserError(category, "x", "y")) == code) }
    struct Unforeseen: Error {}
    #expect(ExitCode.of(Unforeseen()) == 70)
    #expect(ExitCode.interrupted == 75)
  }
}
