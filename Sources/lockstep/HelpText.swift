import Reporting

/// What `--help` prints.
package enum HelpText {
  /// Of the program: every command on a line, then the flags that all commands share.
  package static func program() -> String {
    var commands: TextTable = TextTable([.left, .left])
    for command: Command in Command.allCases { commands.add(shortUsage(command), command.summary) }
    let lines: [String] =
      [
        "lockstep \(ProgramVersion.current): trains CNNs on every core of a server, with the same bits on any number.",
        "", "usage: lockstep COMMAND CONFIG [flags]", "",
      ] + commands.lines(indentation: 2) + [""] + table([.set, .workers, .json, .quiet, .version, .help], for: nil)
      + ["", "lockstep COMMAND --help lists a command's flags. Try: lockstep train Config/digits.json"]
    return lines.joined(separator: "\n") + "\n"
  }

  /// Of one command.
  package static func command(_ command: Command) -> String {
    let lines: [String] =
      ["lockstep \(usage(command))", "  \(command.summary)", ""] + table(command.flags, for: command)
    return lines.joined(separator: "\n") + "\n"
  }

  /// `predict CONFIG --weights FILE --images FILE [flags]`.
  package static func usage(_ command: Command) -> String { shortUsage(command) + " [flags]" }

  private static func shortUsage(_ command: Command) -> String {
    let required: [String] = command.requiredFlags.map { "\($0.text) \($0.placeholder(for: command) ?? "")" }
    return ([command.rawValue, command.configurationIsOptional ? "[CONFIG]" : "CONFIG"] + required)
      .joined(separator: " ")
  }

  private static func table(_ flags: [Flag], for command: Command?) -> [String] {
    var table: TextTable = TextTable([.left, .left])
    for flag: Flag in flags {
      table.add(flag.placeholder(for: command).map { "\(flag.text) \($0)" } ?? flag.text, flag.summary(for: command))
    }
    return table.lines(indentation: 2)
  }
}
