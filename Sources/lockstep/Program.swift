import Diagnostics
import Reporting
import Training

/// The command line: understands the arguments, calls the command, prints its result, and turns errors into exit codes.
enum Program {
  /// 0; otherwise the documented code of what went wrong.
  static func run(_ arguments: [String]) -> Int32 {
    do {
      switch try ArgumentParser.parse(arguments) {
      case .version: try StandardStreams.result("lockstep \(ProgramVersion.current)\n")
      case .help(let command):
        try StandardStreams.result(command.map { HelpText.command($0) } ?? HelpText.program())
      case .run(let invocation): return try run(invocation)
      }
      return ExitCode.success
    } catch {
      StandardStreams.log("lockstep: \(error)\n")
      return ExitCode.of(error)
    }
  }

  private static func run(_ invocation: Invocation) throws -> Int32 {
    let call: CommandCall = CommandCall(invocation: invocation)
    switch invocation.command {
    case .train: return try call.train()
    case .evaluate: try call.evaluate()
    case .predict: try call.predict()
    case .kernels: try call.benchKernels()
    case .throughput: try call.benchThroughput()
    case .scaling: try call.benchScaling()
    case .allReduce: try call.benchAllReduce()
    case .tune: try call.tune()
    case .gradcheck: return try call.gradcheck()
    case .topology: try call.topology()
    case .config: try call.config()
    }
    return ExitCode.success
  }
}

/// The documented exit codes.
package enum ExitCode {
  package static let success: Int32 = 0
  /// A signal ended the run before its last step.
  package static let interrupted: Int32 = 75

  /// The code of a failure; what is no `UserError` is a fault of this program.
  package static func of(_ error: any Error) -> Int32 {
    ((error as? UserError)?.category ?? .internalFailure).rawValue
  }
}
