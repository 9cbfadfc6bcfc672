import Configuration
import Datasets
import Diagnostics
import KernelBuilds
import KernelInterface
import Machine
import MessagePassing
import Network
import Reporting
import Runs
import Storage
import Training

/// One command with its flags, and what the commands share.
struct CommandCall {
  let invocation: Invocation
  /// The job that the process is a rank of; `nil` for a process by itself.
  var ranks: MPIJob?

  init(invocation: Invocation) { self.invocation = invocation }

  /// Whether this process speaks for all: rank 0, or a process by itself.
  var speaks: Bool { (ranks?.rank ?? 0) == 0 }

  /// The configuration with environment and flags applied.
  func configuration() throws(UserError) -> RunConfiguration {
    try ConfigurationReader.read(
      file: invocation.value(.config) ?? invocation.configuration ?? "",
      environment: StandardStreams.environment(prefix: "LOCKSTEP_"),
      flags: invocation.overrides())
  }

  /// The same; where no file was named, the digits net that is part of the program.
  func configurationOrDigits() throws(UserError) -> RunConfiguration {
    guard invocation.configuration == nil else { return try configuration() }
    let environment = StandardStreams.environment(prefix: "LOCKSTEP_")
    return try ConfigurationReader.digits(
      overrides: ConfigurationOverride.fromEnvironment(environment) + invocation.overrides())
  }

  /// The parameters in `--weights`, weights or a checkpoint, for the network of `run`, all finite, and the names of the
  /// classes; `nil` without the flag.
  ///
  /// Says so where the file has no digest to compare them with.
  /// - Parameter newHead: whether the last layer may have another number of outputs; it is then missing.
  func weights(_ run: RunConfiguration, newHead: Bool = false) throws -> WeightsFile? {
    guard let path = invocation.value(.weights) else { return nil }
    let file = try WeightsFile(path, for: try ParameterTable.of(run), newHead: newHead)
    if !file.isChecked { warn(["\(path) has no digest from this program, so damage to its values would not be found"]) }
    try file.tensors.requireFinite(source: path)
    return file
  }

  /// The variable that names the kernels to use.
  static let kernelVariable = "LOCKSTEP_KERNELS"

  /// The name in it, `nil` where it is not set.
  var kernelName: String? { StandardStreams.environmentValue(Self.kernelVariable) }

  /// The kernels of that name, else the best ones.
  func kernels() throws(UserError) -> KernelTable {
    try KernelBuild.select(kernelName, subject: Self.kernelVariable)
  }

  /// Refuses to run as one of several processes that a launcher started, each of which would do the same work.
  func requireOneTask() throws(UserError) {
    guard let launch = Launch(environment: StandardStreams.environment(prefix: "")), launch.hasSeveral else { return }
    throw UserError(
      .usage, launch.variable,
      "\(launch.command) started \(launch.countText), but this command is one of a single process: each task would do the same "
        + "work on its own",
      hint:
        "start it once, without mpirun or with srun --ntasks=1; lockstep train and most of lockstep bench run on several machines"
    )
  }

  /// Prints a result to standard output, once for all ranks: one line of JSON with `--json`, else its lines for people.
  func print(_ summary: some Summary) throws(UserError) {
    guard speaks else { return }
    let text =
      invocation.has(.json) ? summary.json.compactText : summary.lines.map(\.onOneLine).joined(separator: "\n")
    try StandardStreams.result(text + "\n")
  }

  /// Warnings on standard error, each once, from one rank, with `--quiet` too.
  func warn(_ warnings: [String]) {
    guard speaks else { return }
    var shown: Set<String> = []
    for text in warnings where shown.insert(text).inserted {
      StandardStreams.log("lockstep: warning: \(text.onOneLine)\n")
    }
  }

  /// A warning about each file that was left out of a data set.
  func warn(leftOut data: ImageDataset?) {
    warn((data?.leftOut ?? []).map { "left out: \($0.subject): \($0.message)" })
  }

  /// A message on standard error, from one rank, unless `--quiet`.
  func log(_ text: String) {
    if speaks, !invocation.has(.quiet) { StandardStreams.log(text.onOneLine + "\n") }
  }
}
