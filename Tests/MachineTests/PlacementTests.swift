import Diagnostics
import Testing

@testable import Machine

struct PlacementTests {
  private func plan(
    _ machine: CannedMachine, workers: Int? = nil, shards: Int = 1_000, policy: PlacementPolicy = .close,
    nodes: [Int]? = nil, useSMT: Bool = false
  ) throws -> Placement {
    let topology = try machine.read()
    let placement = try Placement.plan(
      topology: topology, workers: workers, shardsPerBatch: shards, policy: policy, nodes: nodes, useSMT: useSMT)
    // What every plan promises.
    let order: [Int] = placement.workers.map { worker in topology.nodes.firstIndex { $0.id == worker.node } ?? -1 }
    #expect(order == order.sorted(), "worker numbers follow nodes")
    for worker in placement.workers {
      if let cpu = worker.cpu {
        #expect(topology.usable.cpus.contains(cpu))
        #expect(topology.node(ofCPU: cpu)?.id == worker.node)
      }
    }
    return placement
  }

  private func cpus(_ placement: Placement) -> [Int] { placement.workers.compactMap(\.cpu) }

  @Test("auto is one worker per physical core")
  func autoIsOneWorkerPerPhysicalCore() throws {
    let machine = CannedMachine.regular(sockets: 2, cores: 64, threads: 2, coresPerCache: 8)
    let placement = try plan(machine)
    #expect(cpus(placement) == [Int](0..<128))
    #expect(placement.workers[63].node == 0 && placement.workers[64].node == 1)
    #expect(placement.notes.isEmpty)
  }

  @Test("384 CPUs with siblings")
  func threeHundredAndEightyFourCPUsWithSiblings() throws {
    let machine = CannedMachine.regular(sockets: 2, cores: 96, threads: 2, coresPerCache: 8)
    let placement = try plan(machine, useSMT: true)
    #expect(placement.workers.count == 384)
    #expect(Set(cpus(placement)).count == 384)
    #expect([Int](cpus(placement).prefix(4)) == [0, 192, 1, 193], "siblings are neighbours")
  }

  @Test("close fills node after node")
  func closeFillsNodeAfterNode() throws {
    let placement = try plan(CannedMachine.regular(sockets: 4, cores: 4), workers: 6)
    #expect(cpus(placement) == [0, 1, 2, 3, 4, 5])
    #expect(placement.workers.map(\.node) == [0, 0, 0, 0, 1, 1])
  }

  @Test("scatter takes nodes and caches in turn")
  func scatterTakesNodesAndCachesInTurn() throws {
    let machine = CannedMachine.regular(sockets: 2, cores: 8, coresPerCache: 4)
    #expect(cpus(try plan(machine, workers: 2, policy: .scatter)) == [0, 8])
    #expect(cpus(try plan(machine, workers: 5, policy: .scatter)) == [0, 1, 4, 8, 12])
    #expect(cpus(try plan(machine, workers: 16, policy: .scatter)) == [Int](0..<16))
  }

  @Test("siblings are used once every core has a worker")
  func siblingsServeAfterEveryCoreHasAWorker() throws {
    let machine = CannedMachine.regular(sockets: 2, cores: 2, threads: 2)
    #expect(cpus(try plan(machine, workers: 4, useSMT: true)) == [0, 1, 2, 3])
    #expect(cpus(try plan(machine, workers: 5, useSMT: true)) == [0, 4, 1, 2, 3])
    #expect(cpus(try plan(machine, workers: 5, policy: .scatter, useSMT: true)) == [0, 4, 1, 2, 3])
  }

  @Test("more workers than cores share them and say so")
  func moreWorkersThanCoresShareThemAndSaySo() throws {
    let placement = try plan(CannedMachine.regular(sockets: 1, cores: 2, threads: 2), workers: 5)
    #expect(cpus(placement) == [0, 0, 0, 1, 1])
    #expect(placement.notes == ["5 workers share 2 CPUs: CPU 0 has workers 0-2, CPU 1 has workers 3-4"])
    let many = try plan(CannedMachine.regular(sockets: 2, cores: 8), workers: 40)
    #expect(many.notes.count == 1 && many.notes[0].hasSuffix("CPU 3 has workers 9-11 and 12 more CPUs"))
    #expect(many.workers.count == 40)
  }

  @Test("shards limit auto and leave others idle")
  func shardsLimitAutoAndLeaveOthersIdle() throws {
    let machine = CannedMachine.regular(sockets: 1, cores: 8)
    let automatic = try plan(machine, shards: 3)
    #expect(cpus(automatic) == [0, 1, 2])
    #expect(
      automatic.notes == [
        "a batch has 3 shards, so 3 of 8 usable cores work; smaller shards (runtime.shard_size) keep more busy"
      ])
    let wanted = try plan(machine, workers: 8, shards: 1)
    #expect(wanted.workers.count == 8)
    #expect(
      wanted.notes == [
        "7 of 8 workers are idle: a batch has 1 shard; smaller shards (runtime.shard_size) keep more busy"
      ])
    #expect(wanted.warnings == wanted.notes && automatic.warnings == [], "what was asked for, not what was decided")
    let uneven = try plan(machine, workers: 7, shards: 16)
    #expect(
      uneven.warnings
        == ["7 workers are no faster than 6: a batch has 16 shards, and the busiest worker has 3"])
    #expect(try plan(machine, workers: 6, shards: 16).warnings == [])
    #expect(
      try plan(machine, workers: 9, policy: .none).warnings == ["9 workers share 8 CPUs: they wait for each other"])
  }

  @Test("quota limits auto")
  func quotaLimitsAuto() throws {
    var machine = CannedMachine.regular(sockets: 2, cores: 4)
    machine.files = ["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "350000 100000"]
    #expect(cpus(try plan(machine)) == [0, 1, 2])
    #expect(try plan(machine).notes == ["the CPU quota is worth 3 CPUs, so 3 of 8 usable cores work"])
    #expect(
      try plan(machine, workers: 4).notes == ["4 workers under a CPU quota worth 3 CPUs will be held up by the system"])
    #expect(cpus(try plan(machine, shards: 2)) == [0, 1])
  }

  @Test("a mask that hides first siblings uses the second")
  func aMaskThatHidesFirstSiblingsUsesTheSecond() throws {
    var machine = CannedMachine.regular(sockets: 1, cores: 4, threads: 2)
    machine.files = ["proc/self/status": "Cpus_allowed_list:\t1,4-7\n"]
    #expect(cpus(try plan(machine)) == [4, 1, 6, 7])
  }

  @Test("policy none pins no worker")
  func noPolicyPinsNobody() throws {
    let placement = try plan(CannedMachine.regular(sockets: 2, cores: 2), policy: .none)
    #expect(placement.workers == [Placement.Worker](repeating: Placement.Worker(cpu: nil, node: 0), count: 4))
    #expect(placement.notes.isEmpty)
  }

  @Test("nodes without CPUs are skipped")
  func nodesWithoutCPUsAreSkipped() throws {
    var machine = CannedMachine.regular(sockets: 2, cores: 2)
    machine.nodes.append(CannedMachine.Node(id: 2, cpus: [], megabytes: 64))
    #expect(cpus(try plan(machine)) == [0, 1, 2, 3])
    #expect(try plan(machine, nodes: [1, 1]).workers.map(\.node) == [1, 1])
    for (nodes, words) in [([2], "node 2 has no usable CPU"), ([0, 9], "node 9 does not exist"), ([], "empty")] {
      #expect {
        _ = try plan(machine, nodes: nodes)
      } throws: { error in
        let error = error as? UserError
        return error?.category == .badConfiguration && error?.subject == "runtime.placement.nodes"
          && error?.message.contains(words) == true && error?.message.contains("0-1") == true
      }
    }
  }

  @Test("explicit CPUs are used in their order")
  func explicitCPUs() throws {
    let machine = CannedMachine.regular(sockets: 2, cores: 4, threads: 2)
    #expect(cpus(try plan(machine, policy: .cpus([0, 8, 5, 12]))) == [0, 8, 12, 5], "node 1 holds 4-7 and 12-15")
    #expect(cpus(try plan(machine, workers: 3, policy: .cpus([6]))) == [6, 6, 6])
    for (policy, nodes) in [(CPUSet([3, 16, 99]), nil), (CPUSet([0, 4]), [1]), (CPUSet(), nil)] as [(CPUSet, [Int]?)] {
      #expect {
        _ = try plan(machine, policy: .cpus(policy), nodes: nodes)
      } throws: { error in
        let error = error as? UserError
        return error?.category == .badConfiguration && error?.subject == "runtime.placement.cpus"
      }
    }
  }

  @Test("zero workers are refused", arguments: [0, -3])
  func noWorkersAreRefused(workers: Int) {
    #expect {
      _ = try plan(CannedMachine.regular(sockets: 1, cores: 1), workers: workers)
    } throws: { ($0 as? UserError)?.subject == "runtime.workers" }
  }

  /// Every count on an uneven machine: as many as asked for, no CPU twice before all have been used once.
  @Test("every count is spread evenly", arguments: [PlacementPolicy.close, .scatter])
  func everyCountIsSpreadEvenly(policy: PlacementPolicy) throws {
    var machine = CannedMachine.regular(sockets: 3, cores: 4, threads: 2, coresPerCache: 2)
    machine.online = machine.present.subtracting([1, 4, 5, 16, 17])
    let topology = try machine.read()
    for (useSMT, capacity) in [(false, topology.usableCores.count), (true, topology.usable.cpus.count)] {
      for workers in 1...40 {
        let chosen = cpus(try plan(machine, workers: workers, policy: policy, useSMT: useSMT))
        #expect(chosen.count == workers)
        let uses: [Int] = Dictionary(grouping: chosen) { $0 }.values.map(\.count)
        #expect(uses.count == min(workers, capacity), "\(workers) workers, SMT \(useSMT): \(chosen)")
        #expect(uses.max() == (workers + capacity - 1) / capacity, "\(workers) workers, SMT \(useSMT): \(chosen)")
      }
    }
  }
}
