import Reporting
import Runs

/// What `--help` and `help` print.
package enum HelpText {
  /// Of the program: every command on a line, the flags that all commands share, variables and exit codes.
  package static func program() -> String {
    var variables = TextTable([.left, .left])
    for (name, summary) in environment { variables.add(name, summary) }
    var codes = TextTable([.right, .left])
    for (code, meaning) in ExitCode.meanings { codes.add("\(code)", meaning) }
    let lines: [String] =
      [
        "lockstep \(ProgramVersion.current): trains CNNs on all cores, with the same bits for any number.",
        "", "usage: lockstep COMMAND CONFIG [flags]",
        "CONFIG is a JSON5 file: JSON with comments and trailing commas.", "",
      ] + commands(Command.all) + [""] + table([.set, .workers, .json, .quiet, .version, .help])
      + ["", "environment"] + variables.lines(indentation: 2) + ["", "exit codes"] + codes.lines(indentation: 2)
      + ["", "lockstep COMMAND --help lists its flags. Try: lockstep train Config/digits.json"]
    return lines.joined(separator: "\n") + "\n"
  }

  /// Of one command: its usage, its flags and an example.
  package static func command(_ command: Command) -> String {
    let usage = ["lockstep \(command.name)"] + command.operandUsage + command.required.map(\.usage) + ["[flags]"]
    let lines =
      hanging(usage, columns: WrappedText.columns) + ["  \(command.summary)", ""] + table(command.flags)
      + ["", "example:"] + example(command, columns: WrappedText.columns - 2).map { "  \($0)" }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The example as a shell takes it, in several lines if one of so many columns does not hold it.
  static func example(_ command: Command, columns: Int) -> [String] {
    var words = ["lockstep \(command.name)"]
    for word in command.example.split(separator: " ").map(String.init) {
      // A flag and its value stay together.
      if let last = words.last, last.hasPrefix("--"), !last.contains(" "), !word.hasPrefix("--") {
        words[words.count - 1] = "\(last) \(word)"
      } else {
        words.append(word)
      }
    }
    let end = " \\"
    let lines = hanging(words, columns: columns - end.count)
    return lines.dropLast().map { $0 + end } + lines.suffix(1)
  }

  /// The words in lines of at most so many characters, all but the first further to the right.
  private static func hanging(_ words: [String], columns: Int) -> [String] {
    let lines = WrappedText.lines(words, columns: columns - 2)
    return lines.prefix(1) + lines.dropFirst().map { "  \($0)" }
  }

  /// Of the commands that share a first word.
  package static func group(_ word: String) -> String {
    let lines =
      ["lockstep \(word) COMMAND", ""] + commands(Command.group(word))
      + ["", "lockstep \(word) COMMAND --help lists a command's flags."]
    return lines.joined(separator: "\n") + "\n"
  }

  /// `predict CONFIG --weights FILE --images FILE [flags]`.
  package static func usage(_ command: Command) -> String { shortUsage(command) + " [flags]" }

  /// The variables that the program reads. Flags override them, and they override the configuration.
  static let environment: [(name: String, summary: String)] = [
    ("LOCKSTEP_SECTION__KEY=VALUE", "any key: LOCKSTEP_TRAINING__EPOCHS=5"),
    ("\(CommandCall.kernelVariable)=NAME", "portable, avx2 or avx512, not the widest"),
    ("\(CommandCall.libraryVariable)=FILE", "the library of MPI, not the first one found"),
    ("TERM=dumb", "plain lines, no live display"),
    ("NO_COLOR=1", "no colours"),
  ]

  /// Characters of the usages in a list of commands, so that a summary fits beside each in 80 columns.
  private static let longestInList = 26

  private static func shortUsage(_ command: Command) -> String {
    ([command.name] + command.operandUsage
      + command.required.map(\.usage))
      .joined(separator: " ")
  }

  private static func commands(_ commands: [Command]) -> [String] {
    var table = TextTable([.left, .left])
    for command in commands {
      let usage = shortUsage(command)
      table.add(
        usage.count <= longestInList ? usage : "\(command.name) \(command.operands.joined(separator: " ")) …",
        command.summary)
    }
    return table.lines(indentation: 2)
  }

  private static func table(_ flags: [Flag]) -> [String] {
    let room = WrappedText.columns - 4 - (flags.map(\.usage.count).max() ?? 0)
    var table = TextTable([.left, .left])
    for flag in flags {
      for (number, line) in WrappedText.lines(flag.summary, columns: room).enumerated() {
        table.add(number == 0 ? flag.usage : "", line)
      }
    }
    return table.lines(indentation: 2)
  }
}
