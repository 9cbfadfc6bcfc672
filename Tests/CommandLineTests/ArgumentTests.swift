import Configuration
import Diagnostics
import Testing

@testable import lockstep

@Suite struct ArgumentTests {
  private func invocation(_ line: String) throws -> Invocation? {
    guard case .run(let invocation) = try ArgumentParser.parse(line.split(separator: " ").map(String.init)) else {
      return nil
    }
    return invocation
  }

  @Test("commands and flags in any order")
  func commandsAndFlagsInAnyOrder() throws {
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

  @Test("benchmarks take their flags")
  func benchmarksTakeTheirFlags() throws {
    let scaling: Invocation? = try invocation("bench scaling a --worker_counts 1,2,4 --predict 8x16 --output o")
    #expect(scaling?.command == .scaling)
    #expect(try scaling?.workerCounts() == [1, 2, 4])
    #expect(try invocation("bench scaling a")?.workerCounts() == nil)
    #expect(try invocation("bench allreduce --parameters 1000")?.parameterCount() == 1000)
    #expect(try invocation("tune a --write b.json")?.value(.write) == "b.json")
  }

  @Test("worker counts are numbers", arguments: ["", "1,,2", "0", "1,x", "-1", "5000", "1, 2"])
  func workerCountsAreNumbers(text: String) {
    let invocation = Invocation(
      command: .scaling, configuration: "a", flags: [.init(flag: .workerCounts, value: text)])
    #expect(throws: UserError.self) { try invocation.workerCounts() }
  }

  @Test("--parameters takes a count", arguments: ["0", "x", "-5", "1e9", "1000000001"])
  func parametersAreACount(
    text: String
  ) {
    let invocation = Invocation(
      command: .allReduce, configuration: nil, flags: [.init(flag: .parameters, value: text)])
    #expect(throws: UserError.self) { try invocation.parameterCount() }
  }

  @Test("overrides keep their order")
  func overridesKeepTheirOrder() throws {
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

  @Test("help and version win")
  func helpAndVersionWin() throws {
    #expect(try ArgumentParser.parse(["--version"]) == .version)
    #expect(try ArgumentParser.parse(["train", "--version"]) == .version)
    #expect(try ArgumentParser.parse(["version"]) == .version)
    for line in ["--help", "-h", "help", "help --json"] {
      #expect(try ArgumentParser.parse(line.split(separator: " ").map(String.init)) == .help(.program))
    }
    for line in ["predict --help", "help predict", "predict -h x.json"] {
      #expect(try ArgumentParser.parse(line.split(separator: " ").map(String.init)) == .help(.command(.predict)))
    }
    #expect(try ArgumentParser.parse(["help", "bench", "scaling"]) == .help(.command(.scaling)))
    #expect(try ArgumentParser.parse(["bench", "--help"]) == .help(.group("bench")))
    #expect(try ArgumentParser.parse(["help", "bench"]) == .help(.group("bench")))
  }

  @Test(
    "arguments that are not understood are usage errors",
    arguments: [
      ("", "no command"), ("trian a", "the nearest known command is train"),
      ("help trian", "the nearest known command is train"),
      ("bench", "the nearest known command is bench kernels"),
      ("bench througput a", "the nearest known command is bench throughput"),
      ("train", "no CONFIG"), ("train a b", "unexpected"), ("train a --outptu x", "the nearest known flag is --output"),
      ("train a -q", "the nearest known flag is --quiet"),
      ("-V", "the nearest known flag is --version"), ("train a -o x", "the nearest known flag is --output"),
      ("train a --learning-rate 1", "the nearest known flag is --lr"),
      ("eval a", "the nearest known command is evaluate"),
      ("train a --num_workers 2", "the nearest known flag is --workers"),
      ("train a --images x", "allowed with: predict"),
      ("train a --output", "no value"),
      ("train a --output=", "no value"), ("train a --json=1", "allowed: no value"), ("evaluate a", "no --weights"),
      ("predict a --weights w", "no --images"), ("topology a b", "unexpected"), ("tune", "no CONFIG"),
      ("bench scaling", "no CONFIG"), ("train a --predict 8x16", "allowed with: bench scaling"),
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

  @Test("--set needs a key path and a value", arguments: ["x", "=3"])
  func setNeedsAKeyPathAndAValue(text: String) throws {
    let invocation: Invocation? = try invocation("train a --set \(text)")
    #expect(throws: UserError.self) { try invocation?.overrides() }
  }

  @Test("help fits a terminal and names every command and exit code")
  func helpFitsATerminalAndNamesEveryCommandAndCode() {
    let program = HelpText.program()
    let groups = Set(Command.all.map { $0.words[0] }).filter { !Command.group($0).isEmpty }
    #expect(groups == ["bench", "data"])
    for text: String in [program] + groups.map({ HelpText.group($0) }) + Command.all.map({ HelpText.command($0) }) {
      for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    }
    for command in Command.all { #expect(program.contains("\n  \(command.name)")) }
    for (code, meaning) in ExitCode.meanings { #expect(program.contains("\(code)  \(meaning)\n")) }
    #expect(program.contains("LOCKSTEP_SECTION__KEY") && program.contains("LOCKSTEP_KERNELS"))
    #expect(program.split(separator: "\n").count < 50)
    #expect(HelpText.group("bench").contains("\n  bench scaling CONFIG"))
  }

  /// The line after `lockstep` in a command's help is one that the parser takes.
  @Test("every example is understood", arguments: Command.all)
  func everyExampleIsUnderstood(command: Command) throws {
    let found: Invocation? = try invocation("\(command.name) \(command.example)")
    #expect(found?.command == command)
    // A shell joins the lines.
    let help = HelpText.command(command)
    let shown = help.split(separator: "\nexample:\n  ").last?.replacing(" \\\n    ", with: " ")
    #expect(shown == "lockstep \(command.name) \(command.example)\n", "\(help)")
    for flag in found?.flags ?? [] {
      #expect(command.flags.contains(flag.flag), "\(flag.flag.text) is in the example, but not in the list")
    }
  }

  /// A command lists what it uses; what only other commands use is accepted, so that scripts need not choose.
  @Test("commands list the flags they use")
  func commandsListTheFlagsTheyUse() throws {
    #expect(!HelpText.command(.kernels).contains("--epochs"))
    #expect(!HelpText.command(.evaluate).contains("--no-progress"))
    #expect(HelpText.command(.train).contains("--lr X"))
    #expect(HelpText.command(.predict).contains("--output FILE"))
    #expect(try invocation("bench kernels --quiet --epochs 3")?.flags.count == 2)
  }

  @Test("every failure has its exit code")
  func everyFailureHasItsExitCode() {
    let codes: [(UserError.Category, Int32)] = [
      (.usage, 64), (.badData, 65), (.inputMissing, 66), (.internalFailure, 70), (.systemRefused, 71),
      (.cannotWrite, 74), (.diverged, 76), (.badConfiguration, 78),
    ]
    for (category, code) in codes { #expect(ExitCode.of(UserError(category, "x", "y")) == code) }
    struct Unforeseen: Error {}
    #expect(ExitCode.of(Unforeseen()) == 70)
    #expect(ExitCode.meanings.map(\.code) == [0, 64, 65, 66, 70, 71, 74, 75, 76, 78])
    #expect(Set(codes.map(\.1)).isSubset(of: ExitCode.meanings.map(\.code)))
  }
}
