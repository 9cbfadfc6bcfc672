import Testing

@testable import Machine

@Suite struct TopologyShareTests {
  @Test("shares are whole cores, node by node, and together all of them")
  func wholeCores() throws {
    let machine = try CannedMachine.regular(sockets: 2, cores: 4, threads: 2).read()
    for count in 1...8 {
      let shares = (0..<count).map { machine.share($0, of: count, name: "rank \($0)") }
      #expect(shares.reduce(CPUSet()) { $0.union($1.usable.cpus) } == machine.usable.cpus)
      #expect(shares.reduce(0) { $0 + $1.usable.cpus.count } == machine.usable.cpus.count)
      for share in shares {
        #expect(share.usableCores.allSatisfy { $0.cpus.isSubset(of: share.usable.cpus) })
        #expect(share.usableCores.count >= 8 / count)
      }
    }
    let half = machine.share(1, of: 2, name: "rank 1")
    #expect(half.usable.cpus == machine.nodes[1].cpus)
    #expect(half.usable.reasons.last == "rank 1 is one of 2 on these and takes CPUs 4-7,12-15")
    #expect(machine.share(0, of: 1, name: "rank 0") == machine)
  }

  @Test("more processes than cores take turns; a quota is divided")
  func turns() throws {
    var machine = try CannedMachine.regular(sockets: 1, cores: 2).read()
    machine.usable.quota = 2
    let cpus = (0..<5).map { machine.share($0, of: 5, name: "rank \($0)").usable.cpus }
    #expect(cpus == [[0], [1], [0], [1], [0]])
    #expect(machine.share(0, of: 5, name: "rank 0").usable.quota == 1)
  }
}
