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
    let lines =
      ["lockstep \(usage(command))", "  \(command.summary)", ""] + table(command.flags)
      + ["", "example: lockstep \(command.name) \(command.example)"]
    return lines.joined(separator: "\n") + "\n"
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
  private static let environment: [(name: String, summary: String)] = [
    ("LOCKSTEP_SECTION__KEY=VALUE", "any key: LOCKSTEP_TRAINING__EPOCHS=5"),
    ("\(CommandCall.kernelVariable)=NAME", "portable, avx2 or avx512, not the widest"),
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
    var table = TextTable([.left, .left])
    for flag in flags { table.add(flag.usage, flag.summary) }
    return table.lines(indentation: 2)
  }
}
