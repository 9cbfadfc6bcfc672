import Reporting
import Runs

/// docs/lockstep.1, from the tables that the help and the completions come from.
package enum ManPage {
  /// The page in roff's `man` macros.
  package static var text: String {
    let lines =
      [
        ".\\\" Generated from the tables of commands and flags by `make references`; changes here are lost.",
        ".TH LOCKSTEP 1 \"\" \"lockstep \(ProgramVersion.current)\" \"User Commands\"",
        ".SH NAME", "lockstep \\- train convolutional neural networks on all cores, with the same bits for any number",
        ".SH SYNOPSIS", ".B lockstep", ".I COMMAND CONFIG", "[flags]",
        ".SH DESCRIPTION",
      ] + paragraphs(description) + [".SH COMMANDS"] + Command.all.flatMap(section) + [".SH COMMON FLAGS"]
      + [escaped("Every command takes these, too; where they say nothing to it, they change nothing.")]
      + (Flag.common + [.version, .help]).flatMap(entry)
      + [".SH ENVIRONMENT"] + HelpText.environment.flatMap { item(bold($0.name), $0.summary) }
      + [".SH EXIT STATUS"] + ExitCode.meanings.flatMap { item(bold("\($0.code)"), $0.meaning) }
      + [".SH SIGNALS"] + signals.flatMap { item(bold($0.names), $0.meaning) }
      + [".SH FILES"] + files.flatMap { item(italic($0.name), $0.meaning) }
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: Words

  private static let description = [
    "Trains convolutional networks on the cores of a server, data-parallel and aware of memory nodes. The same "
      + "configuration, data and seed give the same weights, bit for bit, for any number of workers.",
    "CONFIG is a run configuration in JSON5: JSON with comments and trailing commas. Values come from, later ones "
      + "winning: defaults, the file, the environment, flags. In the names of flags - and _ are the same.",
    "Results go to standard output, progress and messages to standard error.",
  ]

  private static let signals: [(names: String, meaning: String)] = [
    ("SIGINT, SIGTERM, SIGHUP", "finish the step, write a checkpoint, exit with 75; a second one exits at once"),
    ("SIGUSR1", "write a checkpoint and go on"), ("SIGUSR2", "write a checkpoint and exit with 75"),
  ]

  private static let files: [(name: String, meaning: String)] = [
    ("runs/NAME/weights.safetensors", "the trained weights"),
    ("runs/NAME/checkpoint-*.safetensors", "all that the run needs to go on"),
    ("runs/NAME/metrics.jsonl", "a line for every logging interval and epoch"),
    ("runs/NAME/config.json", "the configuration with every default"),
    ("runs/NAME/report.html", "the run as one page"),
    ("runs/NAME/summary.json", "what train --json prints"),
    ("runs/NAME/ledger.jsonl, runs/NAME/receipt.json", "what proves the run; see lockstep verify"),
  ]

  /// Of a terminal's 80 columns; the page indents examples twice.
  private static let exampleColumns = 62

  // MARK: Parts

  private static func section(_ command: Command) -> [String] {
    [".SS \"\(escaped(command.name))\"", ".B \(escaped("lockstep \(command.name)"))"]
      + (command.operandUsage + command.required.map(\.usage) + ["[flags]"]).map { escaped($0) }
      + [".PP", escaped(command.summary.prefix(1).uppercased() + command.summary.dropFirst() + ".")]
      + command.flags.flatMap(entry)
      + [".PP", "Example:", ".PP", ".nf", ".RS"]
      + HelpText.example(command, columns: exampleColumns).map { escaped($0) } + [".RE", ".fi"]
  }

  private static func entry(_ flag: Flag) -> [String] {
    item(bold(flag.text) + (flag.placeholder.map { " \(italic($0))" } ?? ""), flag.summary)
  }

  private static func item(_ tag: String, _ text: String) -> [String] { [".TP", tag, escaped(text)] }

  private static func paragraphs(_ texts: [String]) -> [String] {
    Array(texts.map { [escaped($0)] }.joined(separator: [".PP"]))
  }

  private static func bold(_ text: String) -> String { "\\fB\(escaped(text))\\fR" }
  private static func italic(_ text: String) -> String { "\\fI\(escaped(text))\\fR" }

  /// The text as roff prints it: no line begins a request, a hyphen is one that can be copied, and all is ASCII.
  private static func escaped(_ text: some StringProtocol) -> String {
    var line = text.first.map { $0 == "." || $0 == "'" } ?? false ? "\\&" : ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": line += "\\e"
      case "-": line += "\\-"
      case "\"": line += "\\(dq"
      case _ where !scalar.isASCII: line += "\\[u\(hexadecimal(scalar.value))]"
      default: line.unicodeScalars.append(scalar)
      }
    }
    return line
  }

  /// At least four digits, as roff wants them.
  private static func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
