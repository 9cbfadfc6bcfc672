import Configuration
import Diagnostics
import Machine
import Reporting
import Storage
import Training

/// One command with its flags, and what the commands share.
struct CommandCall {
  let invocation: Invocation

  /// The configuration with environment and flags applied.
  func configuration() throws(UserError) -> RunConfiguration {
    try ConfigurationReader.read(
      file: invocation.configuration ?? "", environment: StandardStreams.environment(prefix: "LOCKSTEP_"),
      flags: invocation.overrides())
  }

  /// The same; where no file was named, the digits net that is part of the program.
  func configurationOrDigits() throws(UserError) -> RunConfiguration {
    guard invocation.configuration == nil else { return try configuration() }
    let environment: [String: String] = StandardStreams.environment(prefix: "LOCKSTEP_")
    return try ConfigurationReader.digits(
      overrides: ConfigurationOverride.fromEnvironment(environment) + invocation.overrides())
  }

  /// The parameters in `--weights`, weights or a checkpoint, all finite; `nil` without the flag.
  func weights() throws(UserError) -> [NamedTensor]? {
    guard let path: String = invocation.value(.weights) else { return nil }
    let weights: [NamedTensor] = Checkpoint.parameters(of: try Safetensors.read(path))
    try weights.requireFinite(source: path)
    return weights
  }

  /// Refuses to run as one of several processes that a launcher started.
  func requireOneTask() throws(UserError) {
    try LaunchedTasks.requireOne(environment: StandardStreams.environment(prefix: ""))
  }

  /// Prints a result to standard output: one line of JSON with `--json`, else its lines for people.
  func print(_ summary: some Summary) throws(UserError) {
    let text: String = invocation.has(.json) ? summary.json.compactText : summary.lines.joined(separator: "\n")
    try StandardStreams.result(text + "\n")
  }

  /// Warnings on standard error, each once, with `--quiet` too.
  func warn(_ warnings: [String]) {
    var shown: Set<String> = []
    for text: String in warnings where shown.insert(text).inserted {
      StandardStreams.log("lockstep: warning: \(text)\n")
    }
  }

  /// A message on standard error, kept back by `--quiet`.
  func log(_ text: String) {
    if !invocation.has(.quiet) { StandardStreams.log(text + "\n") }
  }
}
