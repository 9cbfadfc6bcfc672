import Testing

@testable import Machine

/// Every kind of machine that is to be understood, with what must be read from its files and what `auto` makes of it.
struct CannedMachineTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var name: String
    var machine: CannedMachine
    var nodes: [String]
    var cores: Int
    var packages = 1
    var lastLevelCaches = 1
    var usable: String
    /// The CPUs of `workers: auto`, node by node.
    var workers: String
    var testDescription: String { name }
  }

  static let cases: [Case] = [
    Case(
      name: "one node", machine: .regular(sockets: 1, cores: 4), nodes: ["0-3"], cores: 4, usable: "0-3",
      workers: "0-3"),
    Case(
      name: "2 x 64 cores with SMT", machine: .regular(sockets: 2, cores: 64, threads: 2, coresPerCache: 8),
      nodes: ["0-63,128-191", "64-127,192-255"], cores: 128, packages: 2, lastLevelCaches: 16, usable: "0-255",
      workers: "0-127"),
    Case(
      name: "8 nodes", machine: .regular(sockets: 8, cores: 2),
      nodes: (0..<8).map { "\(2 * $0)-\(2 * $0 + 1)" }, cores: 16, packages: 8, lastLevelCaches: 8, usable: "0-15",
      workers: "0-15"),
    Case(
      name: "sub-NUMA clustering", machine: .regular(sockets: 2, nodesPerSocket: 2, cores: 4, threads: 2),
      nodes: ["0-1,8-9", "2-3,10-11", "4-5,12-13", "6-7,14-15"], cores: 8, packages: 2, lastLevelCaches: 2,
      usable: "0-15", workers: "0-7"),
    Case(
      name: "a node without memory", machine: changed(.regular(sockets: 2, cores: 2)) { $0.nodes[1].megabytes = 0 },
      nodes: ["0-1", "2-3"], cores: 4, packages: 2, lastLevelCaches: 2, usable: "0-3", workers: "0-3"),
    Case(
      name: "a node without CPUs",
      machine: changed(.regular(sockets: 2, cores: 2)) {
        $0.nodes.insert(CannedMachine.Node(id: 5, cpus: [], megabytes: 512), at: 2)
      },
      nodes: ["0-1", "2-3", ""], cores: 4, packages: 2, lastLevelCaches: 2, usable: "0-3", workers: "0-3"),
    Case(
      name: "offline CPUs",
      machine: changed(.regular(sockets: 2, cores: 4, threads: 2)) {
        // Core 0 whole, the first sibling of core 1, the second of core 6.
        $0.online = $0.present.subtracting([0, 8, 1, 14])
      },
      nodes: ["2-3,9-11", "4-7,12-13,15"], cores: 7, packages: 2, lastLevelCaches: 2, usable: "2-7,9-13,15",
      workers: "2-3,9,4-7"),
    Case(
      name: "cpuset holes",
      machine: changed(.regular(sockets: 2, cores: 4, threads: 2)) {
        $0.files = [
          "proc/self/cgroup": "0::/box\n",
          "sys/fs/cgroup/box/cpuset.cpus.effective": "1,3,5-6,9,12\n",
        ]
      },
      nodes: ["0-3,8-11", "4-7,12-15"], cores: 8, packages: 2, lastLevelCaches: 2, usable: "1,3,5-6,9,12",
      workers: "1,3,12,5-6"),
    Case(
      name: "384 CPUs", machine: .regular(sockets: 2, cores: 96, threads: 2, coresPerCache: 8),
      nodes: ["0-95,192-287", "96-191,288-383"], cores: 192, packages: 2, lastLevelCaches: 24, usable: "0-383",
      workers: "0-191"),
  ]

  private static func changed(_ machine: CannedMachine, _ change: (inout CannedMachine) -> Void) -> CannedMachine {
    var machine = machine
    change(&machine)
    return machine
  }

  @Test("the machine is read as it is", arguments: cases)
  func isReadAsItIs(_ known: Case) throws {
    let topology = try known.machine.read()
    TopologyTests.checkInvariants(topology)
    #expect(topology.nodes.map(\.cpus.description) == known.nodes)
    #expect(topology.cores.count == known.cores)
    #expect(Set(topology.cores.map(\.package)).count == known.packages)
    #expect(topology.lastLevelCaches.count == known.lastLevelCaches)
    #expect(topology.usable.cpus.description == known.usable)
    // Thousands of files say no more than a few.
    if topology.onlineCPUs.count <= 16 { #expect(try known.machine.readFromDisk() == topology) }
  }

  @Test("automatic workers are the usable cores", arguments: cases)
  func automaticWorkersAreItsUsableCores(_ known: Case) throws {
    let topology = try known.machine.read()
    let plan = try Placement.plan(
      topology: topology, workers: nil, shardsPerBatch: 10_000, policy: .close, nodes: nil, useSMT: false)
    #expect(linuxList(plan.workers.compactMap(\.cpu)) == known.workers)
    #expect(plan.workers.count == topology.usableCores.count)
    #expect(plan.notes.isEmpty)
  }

  @Test("every plan keeps its promises", arguments: cases, [PlacementPolicy.close, .scatter, .none])
  func everyPlanKeepsItsPromises(_ known: Case, policy: PlacementPolicy) throws {
    let topology = try known.machine.read()
    for workers in [1, 2, 3, 7, topology.usableCores.count, topology.usable.cpus.count, 400] {
      for useSMT in [false, true] {
        let plan = try Placement.plan(
          topology: topology, workers: workers, shardsPerBatch: 10_000, policy: policy, nodes: nil, useSMT: useSMT)
        let here: Comment = "\(workers) workers, SMT \(useSMT)"
        #expect(plan.workers.count == workers, here)
        #expect(plan.workers.map(\.node) == plan.workers.map(\.node).sorted(), here)
        let cpus = plan.workers.compactMap(\.cpu)
        #expect(cpus.count == (policy == .none ? 0 : workers), here)
        #expect(CPUSet(cpus).isSubset(of: topology.usable.cpus), here)
        #expect(plan.workers.allSatisfy { $0.cpu == nil || topology.node(ofCPU: $0.cpu ?? -1)?.id == $0.node }, here)
        guard !useSMT, workers <= topology.usableCores.count else { continue }
        for core in topology.cores { #expect(core.cpus.intersection(CPUSet(cpus)).count <= 1, here) }
      }
    }
  }
}
