import Diagnostics
import Machine

/// Machines to predict: equal hosts of equal nodes of equal cores, one worker per core and one rank per host.
package struct TargetTopology: Sendable, Hashable, CustomStringConvertible {
  package var hosts: Int
  /// Of each host.
  package var nodes: Int
  package var coresPerNode: Int
  /// Gigabits per second of each host's link, each direction; `nil` for one host.
  package var gigabits: Double?

  package init(hosts: Int = 1, nodes: Int, coresPerNode: Int, gigabits: Double? = nil) {
    precondition(hosts == 1 || gigabits != nil, "Several hosts need a link.")
    self.hosts = hosts
    self.nodes = nodes
    self.coresPerNode = coresPerNode
    self.gigabits = gigabits
  }

  /// From a text such as `8x16`, nodes × cores per node, or `16x(2x64)@25Gb`, so many hosts with such a link, or from a folder
  /// with a copy of a machine's `/sys`.
  ///
  /// - Throws: `UserError` (64) about `--predict`; as `Topology.read` if the text has a `/`.
  package init(text: String) throws(UserError) {
    if text.contains("/") {
      self.init(try Topology.read(root: text))
      return
    }
    guard let target = Self.hosts(text) ?? Self.nodes(text) else {
      throw UserError(
        .usage, "--predict",
        "found \(text); allowed: NODESxCORES such as 8x16, HOSTSx(NODESxCORES)@LINK such as 16x(2x64)@25Gb, numbers from 1 to "
          + "1024 and a link from 0.001 to 100000 Gb, or a folder with a / in its name")
    }
    self = target
  }

  private static func nodes(_ text: some StringProtocol) -> TargetTopology? {
    let parts = text.split(omittingEmptySubsequences: false, whereSeparator: { times.contains($0) })
    guard parts.count == 2, let nodes = number(parts[0]), let cores = number(parts[1]) else { return nil }
    return TargetTopology(nodes: nodes, coresPerNode: cores)
  }

  private static func hosts(_ text: String) -> TargetTopology? {
    let halves = text.split(separator: "@", omittingEmptySubsequences: false)
    guard halves.count == 2, halves[0].hasSuffix(")"), halves[1].lowercased().hasSuffix("gb"),
      let opening = halves[0].firstIndex(of: "("), let cross = halves[0][..<opening].last, times.contains(cross),
      let hosts = number(halves[0][..<opening].dropLast()),
      let host = nodes(halves[0][halves[0].index(after: opening)...].dropLast()),
      let gigabits = Double(halves[1].dropLast(2)), (0.001...100_000).contains(gigabits)
    else { return nil }
    return TargetTopology(hosts: hosts, nodes: host.nodes, coresPerNode: host.coresPerNode, gigabits: gigabits)
  }

  private static let times = "xX×"
  private static func number(_ text: some StringProtocol) -> Int? {
    Int(text).flatMap { (1...1024).contains($0) ? $0 : nil }
  }

  /// The nodes that have usable cores, each counted with as many cores as the smallest one.
  package init(_ topology: Topology) {
    let coresOfNode = Dictionary(grouping: topology.usableCores, by: \.node).values.map(\.count)
    self.init(nodes: coresOfNode.count, coresPerNode: coresOfNode.min() ?? 1)
  }

  package var description: String {
    let host = "\(nodes)x\(coresPerNode)"
    guard let gigabits else { return host }
    let link = gigabits == gigabits.rounded() ? "\(Int(gigabits))" : "\(gigabits)"
    return "\(hosts)x(\(host))@\(link)Gb"
  }

  package var coresPerHost: Int { nodes * coresPerNode }
  package var cores: Int { hosts * coresPerHost }
}
