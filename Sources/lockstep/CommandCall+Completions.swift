import Diagnostics

extension CommandCall {
  /// Prints the script by which a shell completes commands and flags.
  func completions() throws -> Int32 {
    let name = invocation.configuration ?? ""
    guard let shell = Shell(rawValue: name) else {
      let names = Shell.allCases.map(\.rawValue)
      throw UserError(
        .usage, "completions", "found \(name); allowed: \(names.joined(separator: ", "))",
        hint: NearestName.suggestion(for: name, among: names).map { "the nearest is \($0)" })
    }
    try StandardStreams.result(shell.script)
    return ExitCode.success
  }
}
