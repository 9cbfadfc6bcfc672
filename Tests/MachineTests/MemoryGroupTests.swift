import Testing

@testable import Machine

/// Which node's memory workers use, and which of them share it.
struct MemoryGroupTests {
  private func plan(_ machine: CannedMachine, workers: Int, _ policy: PlacementPolicy = .close) throws -> Placement {
    try Placement.plan(
      topology: try machine.read(), workers: workers, shardsPerBatch: 1_000, policy: policy, nodes: nil, useSMT: false)
  }

  @Test("a group per node", arguments: [1, 2, 4, 8])
  func aGroupPerNode(sockets: Int) throws {
    let groups = try plan(.regular(sockets: sockets, cores: 3), workers: 3 * sockets).groups
    #expect(groups == (0..<sockets).map { .init(memoryNode: $0, workers: 3 * $0..<3 * $0 + 3) })
  }

  @Test("nodes without workers have no group")
  func nodesWithoutWorkersHaveNoGroup() throws {
    #expect(
      try plan(.regular(sockets: 4, cores: 3), workers: 4).groups == [
        .init(memoryNode: 0, workers: 0..<3), .init(memoryNode: 1, workers: 3..<4),
      ])
  }

  @Test("workers that are not pinned use the only memory there is, or any")
  func freeWorkersUseTheOnlyMemoryThereIsOrAny() throws {
    #expect(
      try plan(.regular(sockets: 1, cores: 4), workers: 6, .none).groups == [.init(memoryNode: 0, workers: 0..<6)])
    #expect(
      try plan(.regular(sockets: 2, cores: 4), workers: 6, .none).groups == [.init(memoryNode: nil, workers: 0..<6)])
  }

  @Test("the nearest memory serves a node without any")
  func theNearestMemoryServesANodeWithoutAny() throws {
    var topology = try CannedMachine.regular(sockets: 4, cores: 2).read()
    topology.nodes[2].memoryBytes = 0
    topology.nodes[2].distances = [31, 21, 10, 21]
    #expect((0..<4).map { topology.memoryNode(near: $0) } == [0, 1, 1, 3])
    let placement = try Placement.plan(
      topology: topology, workers: nil, shardsPerBatch: 1_000, policy: .close, nodes: nil, useSMT: false)
    #expect(placement.workers.map(\.node) == [0, 0, 1, 1, 2, 2, 3, 3])
    #expect(placement.groups.map(\.workers) == [0..<2, 2..<6, 6..<8])
    for index in topology.nodes.indices { topology.nodes[index].memoryBytes = 0 }
    #expect(topology.memoryNode(near: 2) == 2, "where no node tells of memory, all have some")
  }
}
