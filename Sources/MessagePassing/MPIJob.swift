import Diagnostics
import Glibc
import Machine

/// A process as one of several ranks that train together: from `MPI_Init_thread` to `MPI_Finalize`.
package struct MPIJob: Sendable {
  package let launch: Launch
  package let library: MPILibrary
  package let transport: MPITransport
  /// All ranks, this one among them.
  package let peers: [RankPeer]

  /// Seconds after which a rank that has not been heard of counts as unreachable.
  package static let helloSeconds = 60.0
  /// Open MPI started by `srun` may crash inside `MPI_Init_thread` on a message of a rank that has left it (ompi #12495), so
  /// that the first message waits for stragglers.
  private static let stragglerMicroseconds: UInt32 = 250_000
  /// Seconds in which other ranks may still say what they know before a failure ends the job.
  private static let graceSeconds: UInt32 = 1
  /// Seconds after which a rank ends although others have not come to their end, or `MPI_Finalize` does not return; the second
  /// for a library where it may never do so, once all have said farewell.
  private static let endSeconds: (any: UInt32, mayHang: UInt32) = (60, 10)
  /// How long a rank waits for the others to come as far as it has.
  private static let restMicroseconds: UInt32 = 300_000

  /// Joins the job: opens the library, initializes it, and greets every other rank.
  ///
  /// Call it after signals are blocked and before any thread is pinned: the library's own threads inherit both.
  /// - Parameter library: a path or name of a library; `nil` for the first that is found.
  /// - Throws: `UserError`: 71 if there is no usable library or a rank cannot be reached, 64 if the library does not know
  ///   of the launcher's ranks.
  package init(
    _ launch: Launch, library name: String?, helloSeconds: Double = MPIJob.helloSeconds
  ) throws(UserError) {
    self.launch = launch
    library = try MPILibrary.open(named: name, usesPMI: launch.usesPMI)
    try library.initialize()
    transport = try MPITransport(library)
    try Self.requireCount(transport.rankCount, launch, library)
    if launch.launcher == .slurm, library.interface == .openMPI { usleep(Self.stragglerMicroseconds) }
    let own = RankPeer(host: ProcessIdentity.hostName(), cpus: try ThreadAffinity.current())
    peers = try Self.greet(own, transport, library, seconds: helloSeconds)
    transport.hosts = peers.map(\.host)
  }

  package var rank: Int { transport.rank }
  package var host: String { peers[rank].host }
  /// What messages call this rank.
  package var name: String { "rank \(rank) on \(host)" }

  /// Which of the ranks that share this one's CPUs it is, and how many there are: ranks of one host with equal masks.
  package var share: (index: Int, count: Int) { RankPeer.share(of: rank, among: peers) }

  /// Ends the rank's part in the job once all that must be kept is written; returns the process's exit code.
  ///
  /// Launchers kill whoever is still there when a rank ends with an error. So where all ranks end alike with another code than
  /// 0, such as 75 of a run that was stopped, only rank 0 says so, and last. MPICH's launcher leaves ranks in peace once they
  /// are past `MPI_Finalize`, and after a signal to itself returns the last rank's code, so there all say so.
  package func leave(code: Int32) -> Int32 {
    ProcessEnd.later(code: code, seconds: Self.endSeconds.any)
    let farewells = try? RankMessages.exchange(
      [0], tag: RankMessages.farewellTag, over: transport, seconds: Double(Self.endSeconds.any))
    if MPIInterface.mayHangInFinalize(version: library.version) {
      if farewells != nil { ProcessEnd.later(code: code, seconds: Self.endSeconds.mayHang) }
      usleep(Self.restMicroseconds)
    }
    _ = try? transport.finalize()
    guard code != 0 else { return 0 }
    if rank != 0 { return launch.launcher == .hydra ? code : 0 }
    usleep(Self.restMicroseconds)
    return code
  }

  /// Ends the whole job with `code`, after a moment in which others may say why they, too, cannot go on.
  package func fail(code: Int32) -> Never {
    sleep(Self.graceSeconds)
    transport.abort(code: code)
  }

  private static func requireCount(_ count: Int, _ launch: Launch, _ library: MPILibrary) throws(UserError) {
    guard let launched = launch.rankCount, launched != count else { return }
    throw UserError(
      .usage, launch.variable,
      "\(launch.command) started \(launch.countText), but the MPI library \(library.name) (\(library.version)) knows of \(count)",
      hint: launch.libraryAdvice)
  }

  private static func greet(
    _ own: RankPeer, _ transport: MPITransport, _ library: MPILibrary, seconds: Double
  ) throws(UserError) -> [RankPeer] {
    let messages: [[UInt8]]
    do throws(RankMessages.Failure) {
      messages = try RankMessages.exchange(own.bytes, tag: RankMessages.helloTag, over: transport, seconds: seconds)
    } catch {
      switch error {
      case .transport(let error): throw error
      case .silence(let silent, let heard):
        throw RankPeer.unreachable(
          silent, from: transport.rank, own, heard: heard.compactMapValues { RankPeer(bytes: $0) }, seconds: seconds,
          library: library.version)
      }
    }
    return try messages.enumerated().map { (rank, bytes) throws(UserError) in
      guard let peer = RankPeer(bytes: bytes) else {
        throw UserError(
          .usage, "rank \(rank)", "it greets as another version of Lockstep does",
          hint: "start the same program on every host: `lockstep --version`")
      }
      return peer
    }
  }
}
