import Collectives
import Diagnostics
import Machine
import MessagePassing

extension CommandCall {
  /// The variable that names the MPI library.
  static let libraryVariable = "LOCKSTEP_MPI"
  /// Slurm's account of the CPUs that the job has on this host.
  private static let allocationVariable = "SLURM_CPUS_ON_NODE"

  /// Runs `body` as a rank of the job that a launcher started, or by itself if there is no other.
  ///
  /// An MPI library is opened only for several ranks. What `body` throws ends the whole job with the error's exit code, after
  /// it is printed with rank and host, or once where all ranks have the same.
  /// - Parameter first: what must be done before the library starts threads of its own; not called without one.
  func onRanks(first: () -> Void = {}, _ body: (CommandCall) throws -> Int32) throws -> Int32 {
    guard let launch = Launch(environment: StandardStreams.environment(prefix: "")), launch.needsMPI else {
      return try body(self)
    }
    first()
    let job = try MPIJob(launch, library: StandardStreams.environmentValue(Self.libraryVariable))
    var call = self
    call.ranks = job.peers.count > 1 ? job : nil
    do {
      return job.leave(code: try body(call))
    } catch let failure as CommonFailure {
      if call.speaks { StandardStreams.log("lockstep: \(failure)\n") }
      return job.leave(code: failure.code)
    } catch let error as UserError where error.category == .diverged {
      // All ranks know the loss.
      if call.speaks { StandardStreams.log("lockstep: \(error)\n") }
      return job.leave(code: error.category.rawValue)
    } catch {
      StandardStreams.log("lockstep: \(job.name): \(error)\n")
      job.fail(code: ExitCode.of(error))
    }
  }

  /// How long ranks wait for one that still reads what it needs.
  static let startSeconds = 3600.0

  /// The job that a rank trains in.
  func job(timeoutSeconds: Double) -> Job? { ranks.map { Job($0.transport, timeoutSeconds: timeoutSeconds) } }

  /// What `body` returns, once it has succeeded on all ranks; a process by itself only does it.
  func together<Value>(_ subject: String, _ body: () throws -> Value) throws -> Value {
    try job(timeoutSeconds: Self.startSeconds).map { try $0.together(subject, body) } ?? body()
  }

  /// The machine, as far as this rank uses it: ranks that share CPUs get a part each.
  ///
  /// Warns if the launcher leaves the rank far fewer CPUs than its host has for it.
  /// - Throws: `UserError` (71) instead of the warning with `--strict-placement`.
  func machine() throws(UserError) -> Topology {
    let machine = try Topology.read()
    guard let ranks else { return machine }
    let allocated = StandardStreams.environmentValue(Self.allocationVariable).flatMap { Int($0) } ?? .max
    if let warning = RankPeer.bindingWarning(
      of: ranks.rank, among: ranks.peers, hostCPUs: min(allocated, machine.usable.granted.count),
      advice: ranks.launch.bindingAdvice)
    {
      guard !invocation.has(.strictPlacement) else {
        throw UserError(.systemRefused, "--strict-placement", warning)
      }
      StandardStreams.log("lockstep: warning: \(warning.onOneLine)\n")
    }
    let share = ranks.share
    return machine.share(share.index, of: share.count, name: "rank \(ranks.rank)")
  }
}

extension Job {
  /// How many workers each rank has.
  func workers(_ own: Int) throws(UserError) -> [Int] {
    try gather(Array("\(own)".utf8), "the ranks' workers").map { Int(String(decoding: $0, as: UTF8.self)) ?? 0 }
  }
}
