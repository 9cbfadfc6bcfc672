import Diagnostics
import Machine

extension RankPeer {
  /// Which of the ranks that share CPUs with `rank` it is, and how many there are: those of its host with the same mask.
  ///
  /// A launcher that binds ranks gives each a mask of its own, which is then used whole.
  package static func share(of rank: Int, among peers: [RankPeer]) -> (index: Int, count: Int) {
    let sharing = peers.indices.filter { peers[$0] == peers[rank] }
    return (sharing.firstIndex(of: rank) ?? 0, max(1, sharing.count))
  }

  /// What it says that a rank may use far fewer CPUs than its host has for it, and how to give it all; `nil` if it is not so.
  ///
  /// - Parameters:
  ///   - hostCPUs: those that are online and that the control group or the allocation grants.
  ///   - advice: how the launcher leaves all CPUs to its ranks.
  package static func bindingWarning(
    of rank: Int, among peers: [RankPeer], hostCPUs: Int, advice: String
  ) -> String? {
    let own = peers[rank]
    let local = peers.filter { $0.host == own.host }.count
    let fair = hostCPUs / local
    guard fair >= 2, own.cpus.count * 2 <= fair else { return nil }
    return "rank \(rank) on \(own.host) may use \(own.cpus.count) of \(hostCPUs) CPUs (\(own.cpus)), where its share "
      + "would be \(fair): the launcher binds ranks to cores; start with \(advice)"
  }

  /// The error of a rank that has not heard of others.
  static func unreachable(
    _ silent: [Int], from rank: Int, _ own: RankPeer, heard: [Int: RankPeer], seconds: Double, library: String
  ) -> UserError {
    let names = silent.map { "rank \($0)" + (heard[$0].map { " on \($0.host)" } ?? "") }
    let known = heard.sorted { $0.key < $1.key }.map { "rank \($0.key) on \($0.value.host)" }
    return UserError(
      .systemRefused, "rank \(rank) on \(own.host)",
      "no greeting came in \(Int(seconds)) s from \(names.joined(separator: ", "))"
        + (known.isEmpty ? "" : "; greetings came from \(known.joined(separator: ", "))") + " (\(library))",
      hint:
        "hosts that cannot reach each other: a firewall, or an interface that leads nowhere, such as docker0. Name the right one: "
        + "mpirun --mca btl_tcp_if_include eth0 (Open MPI), UCX_NET_DEVICES=eth0 (MPICH)")
  }
}
