import Machine
import Runs

/// The command line: understands the arguments, calls the command, prints its result, and turns errors into exit codes.
enum Program {
  /// 0; otherwise the documented code of what went wrong.
  static func run() -> Int32 {
    do {
      switch try ArgumentParser.parse(try ProgramArguments.words()) {
      case .version: try StandardStreams.result("lockstep \(ProgramVersion.current)\n")
      case .help(.program): try StandardStreams.result(HelpText.program())
      case .help(.group(let word)): try StandardStreams.result(HelpText.group(word))
      case .help(.command(let command)): try StandardStreams.result(HelpText.command(command))
      case .run(let invocation):
        try ResourceLimits.requireRoom()
        return try invocation.command.run(CommandCall(invocation: invocation))
      }
      return ExitCode.success
    } catch {
      StandardStreams.log("lockstep: \(error)\n")
      return ExitCode.of(error)
    }
  }
}
