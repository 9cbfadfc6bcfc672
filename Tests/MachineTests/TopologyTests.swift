import Diagnostics
import Machine
import Testing

struct TopologyTests {
  /// What every topology promises, whatever the machine.
  static func checkInvariants(_ topology: Topology) {
    let online = topology.onlineCPUs
    #expect(!topology.nodes.isEmpty)
    #expect(topology.nodes.map(\.id) == topology.nodes.map(\.id).sorted())
    #expect(topology.nodes.reduce(0) { $0 + $1.cpus.count } == online.count, "nodes overlap")
    #expect(topology.cores.reduce(0) { $0 + $1.cpus.count } == online.count, "cores overlap or miss CPUs")
    #expect(topology.cores.reduce(CPUSet()) { $0.union($1.cpus) } == online)
    #expect(topology.lastLevelCaches.reduce(0) { $0 + $1.count } == online.count, "caches overlap or miss CPUs")
    for node in topology.nodes { #expect(node.distances.count == topology.nodes.count) }
    for core in topology.cores {
      #expect(topology.lastLevelCaches[core.lastLevelCache].contains(core.cpus.first ?? -1))
      #expect(topology.node(core.node)?.cpus.contains(core.cpus.first ?? -1) == true)
    }
    #expect(!topology.usable.cpus.isEmpty)
    #expect(topology.usable.cpus.isSubset(of: online))
    #expect((topology.usable.quota ?? 1) >= 1)
    #expect(!topology.usable.reasons.isEmpty)
  }

  @Test("this machine's topology keeps its promises")
  func thisMachine() throws {
    let topology = try Topology.read()
    Self.checkInvariants(topology)
    #expect(try topology.usable.cpus.isSubset(of: ThreadAffinity.current()))
  }

  @Test("a tree on disk reads the same")
  func aTreeOnDiskReadsTheSame() throws {
    var machine = CannedMachine.regular(sockets: 2, cores: 2, threads: 2)
    machine.files["proc/self/status"] = "Cpus_allowed_list:\t0-3\n"
    machine.files["proc/self/cgroup"] = "0::/\n"
    machine.files["sys/fs/cgroup/cpu.max"] = "300000 100000\n"
    #expect(try machine.readFromDisk() == machine.read())
    #expect(throws: UserError.self) { try Topology.read(root: "/nowhere") }
  }

  @Test("one node is read")
  func oneNode() throws {
    let topology = try CannedMachine.regular(sockets: 1, cores: 4).read()
    Self.checkInvariants(topology)
    #expect(topology.nodes.map(\.cpus) == [[0, 1, 2, 3]])
    #expect(topology.nodes[0].memoryBytes == 64 << 30)
    #expect(topology.cores.map(\.cpus) == [[0], [1], [2], [3]])
    #expect(topology.caches.map(\.level) == [1, 2, 3])
    #expect(topology.caches.map(\.bytes) == [48 << 10, 2 << 20, 36 << 20])
    #expect(topology.usable.reasons == ["4 CPUs are online: 0-3"])
  }

  @Test("two sockets of 64 cores with SMT are read")
  func twoSocketsOfSixtyFourCoresWithSMT() throws {
    let topology = try CannedMachine.regular(sockets: 2, cores: 64, threads: 2, coresPerCache: 8).read()
    Self.checkInvariants(topology)
    #expect(topology.nodes.map(\.cpus.description) == ["0-63,128-191", "64-127,192-255"])
    #expect(topology.nodes.map(\.distances) == [[10, 21], [21, 10]])
    #expect(topology.cores.count == 128)
    #expect(topology.cores[5].cpus == [5, 133])
    #expect(topology.cores[64].package == 1)
    #expect(topology.lastLevelCaches.count == 16)
    #expect(topology.lastLevelCaches[1].description == "8-15,136-143")
  }

  @Test("eight nodes are read")
  func eightNodes() throws {
    let topology = try CannedMachine.regular(sockets: 8, cores: 6).read()
    Self.checkInvariants(topology)
    #expect(topology.nodes.count == 8)
    #expect(topology.node(ofCPU: 47)?.id == 7)
    #expect(topology.node(ofCPU: 48) == nil)
  }

  @Test("sub-NUMA clustering is read")
  func subNUMAClustering() throws {
    let topology = try CannedMachine.regular(sockets: 2, nodesPerSocket: 4, cores: 16, threads: 2).read()
    Self.checkInvariants(topology)
    #expect(topology.nodes.count == 8)
    #expect(Set(topology.cores.map(\.package)) == [0, 1])
    #expect(topology.cores.filter { $0.node == 3 }.map(\.package) == [0, 0, 0, 0])
    #expect(topology.lastLevelCaches.count == 2, "one cache over four nodes")
  }

  @Test("nodes without memory or CPUs are read")
  func nodesWithoutMemoryOrCPUs() throws {
    var machine = CannedMachine.regular(sockets: 2, cores: 4)
    machine.nodes[1].megabytes = 0
    machine.nodes.append(CannedMachine.Node(id: 4, cpus: [], megabytes: 1_024))
    let topology = try machine.read()
    Self.checkInvariants(topology)
    #expect(topology.nodes.map(\.id) == [0, 1, 4])
    #expect(topology.nodes[1].memoryBytes == 0)
    #expect(topology.nodes[2].cpus.isEmpty)
    #expect(topology.nodes[2].distances == [21, 21, 10])
  }

  @Test("offline CPUs are left out")
  func offlineCPUs() throws {
    var machine = CannedMachine.regular(sockets: 2, cores: 4, threads: 2)
    machine.online = machine.present.subtracting([0, 3, 10, 15])
    let topology = try machine.read()
    Self.checkInvariants(topology)
    #expect(topology.cores.first?.cpus == [1, 9])
    #expect(topology.cores.contains { $0.cpus == [8] }, "CPU 0's sibling is a core of its own now")
    #expect(
      topology.usable.reasons
        == ["12 CPUs are online: 1-2,4-9,11-14", "4 CPUs are present but offline: 0,3,10,15"])
  }

  @Test("384 CPUs are read")
  func threeHundredAndEightyFourCPUs() throws {
    let topology = try CannedMachine.regular(sockets: 2, cores: 96, threads: 2, coresPerCache: 8).read()
    Self.checkInvariants(topology)
    #expect(topology.onlineCPUs.last == 383)
    #expect(topology.cores.count == 192)
  }

  @Test("missing nodes and caches are filled in")
  func noNodesAndNoCaches() throws {
    var machine = CannedMachine(nodes: [], packages: [[0, 1, 2]])
    machine.siblings = []
    let topology = try machine.read()
    Self.checkInvariants(topology)
    #expect(
      topology.nodes == [Topology.Node(id: 0, cpus: [0, 1, 2], memoryBytes: 2 << 20, distances: [10])])
  }

  @Test("CPUs without a node join the first one")
  func cpusWithoutANodeJoinTheFirst() throws {
    var machine = CannedMachine.regular(sockets: 2, cores: 2)
    machine.nodes[1].cpus = [3]
    let topology = try machine.read()
    Self.checkInvariants(topology)
    #expect(topology.nodes[0].cpus == [0, 1, 2])
  }

  @Test("processor and memory policies are read")
  func processorAndMemoryPolicies() throws {
    var machine = CannedMachine.regular(sockets: 1, cores: 1)
    machine.files["proc/cpuinfo"] = "processor\t: 0\nmodel name\t: Some CPU: 3 GHz\nflags\t: fpu\n"
    machine.files["proc/sys/kernel/numa_balancing"] = "1\n"
    machine.files["sys/kernel/mm/transparent_hugepage/enabled"] = "always [madvise] never\n"
    let topology = try machine.read()
    #expect(topology.processorName == "Some CPU: 3 GHz")
    #expect(topology.hasAutomaticNUMABalancing)
    #expect(topology.transparentHugePages == "madvise")
  }

  @Test("garbage is refused with its file")
  func garbageIsRefusedWithItsFile() throws {
    var machine = CannedMachine.regular(sockets: 1, cores: 2)
    machine.files["sys/devices/system/node/node0/cpulist"] = "0-x\n"
    #expect {
      _ = try machine.read()
    } throws: { error in
      let error = error as? UserError
      return error?.category == .systemRefused && error?.subject.hasSuffix("/node0/cpulist") == true
        && error?.message.contains("\"x\"") == true
    }
  }
}
