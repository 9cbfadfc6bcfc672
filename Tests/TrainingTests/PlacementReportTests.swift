import Diagnostics
import Machine
import TestSupport
import Testing

@testable import Training

@Suite("What the kernel says about a run")
struct PlacementReportTests {
  private func report(_ run: TestRun, _ data: TestData) throws -> PlacementReport {
    try #require(try run.train(data).placement)
  }

  @Test("names every worker's CPU, and accounts for all memory")
  func everythingIsAccountedFor() throws {
    let topology = try machine()
    let data = try TestData.firstDigits(130, test: true)
    let run = TestRun(TestNetworks.digits).with {
      $0.workers = 3; $0.policy = .close
    }
    let trainer = try run.trainer(data)
    let report = try #require(try trainer.run(stop: StopFlag()) { _ in }.placement)
    #expect(report.workers.map(\.worker) == [0, 1, 2])
    for (worker, planned) in zip(report.workers, trainer.plan.placement.workers) {
      #expect(worker.cpu == planned.cpu && worker.node == planned.node && worker.isPinned)
      #expect(worker.ranOn == CPUSet([try #require(planned.cpu)]))
      #expect(worker.migrations == 0)
    }
    #expect(report.memory.map(\.kind) == MemoryClass.allCases)
    #expect(report.hasAutomaticNUMABalancing == topology.hasAutomaticNUMABalancing)
    for memory in report.memory {
      let tally = memory.tally
      #expect(tally.bytes > 0 && tally.pages * NodeBuffer.pageBytes <= tally.bytes + 8 * NodeBuffer.pageBytes)
      // A container may refuse to say; what it says must be right.
      if tally.unknownPages == 0 {
        #expect(tally.pages > 0 && tally.plannedPages == tally.pages)
        if topology.nodes.count == 1 { #expect(tally.pagesOnNode == tally.pages) }
      }
    }
    let parameters = trainer.plan.network.parameters.packedCount * 4
    #expect(report.memory.first { $0.kind == .optimizer }?.tally.bytes == parameters)
    #expect(
      report.memory.first { $0.kind == .gradients }?.tally.bytes
        == 3 * (trainer.plan.gradientSlots + trainer.plan.treeLevels) * parameters)
    if topology.nodes.count == 1 { #expect(report.isAsPlanned == (report.unknownPages == 0 ? true : nil)) }
  }

  @Test("leaves free workers free")
  func unpinned() throws {
    let report = try report(
      TestRun(TestNetworks.digits).with {
        $0.workers = 2; $0.policy = .none
      }, try .firstDigits(60))
    #expect(report.workers.allSatisfy { $0.cpu == nil && !$0.isPinned && !$0.ranOn.isEmpty })
    #expect(report.workers.flatMap(\.mismatches).isEmpty)
  }

  @Test("tells of CPUs and nodes that are not there, and of automatic NUMA balancing")
  func absentMachine() throws {
    var topology = Topology.virtual(nodes: 4, cores: 1500)
    topology.hasAutomaticNUMABalancing = true
    topology.transparentHugePages = "never"
    let run = TestRun(TestNetworks.digits).with {
      $0.workers = 4; $0.policy = .scatter; $0.topology = topology
    }
    let data = try TestData.firstDigits(60)
    #expect(try run.trainer(data).description.notes.contains { $0.contains("automatic NUMA balancing is on") })
    let report = try report(run, data)
    #expect(report.hasAutomaticNUMABalancing)
    // Node 0's CPU 0 exists, the others have numbers that no machine has.
    #expect(report.workers.dropFirst().allSatisfy { !$0.isPinned })
    #expect(report.mismatches.contains { $0.contains("could not be pinned to CPU 1500") })
    #expect(report.notes.contains { $0.contains("worker 1 is not pinned to CPU 1500") })
    #expect(report.notes.contains { $0.contains("refused to place memory") })
    #expect(report.notes.contains { $0.contains("automatic NUMA balancing") })
    #expect(report.notes.contains { $0.contains("huge pages") })
  }

  private static let strictRun = TestRun(TestNetworks.digits).with {
    $0.workers = 2; $0.policy = .close
  }

  /// Whether the system says where pages are.
  private static func arePagesKnown() throws -> Bool {
    try strictRun.with { $0.epochs = 1 }.train(.firstDigits(60)).placement?.unknownPages == 0
  }

  @Test(
    "lets a strict run end where all is as planned",
    .enabled("the system tells where pages lie") { try arePagesKnown() })
  func strictSuccess() throws {
    let trainer = try Self.strictRun.trainer(.firstDigits(130))
    trainer.options.isPlacementStrict = true
    #expect(try trainer.run(stop: StopFlag()) { _ in }.placement?.mismatches == [])
  }

  @Test("stops a strict run after its first step, with the reason")
  func strict() throws {
    let wrong = try Self.strictRun.with {
      $0.policy = .scatter; $0.topology = .virtual(nodes: 2, cores: 1500); $0.epochs = 100
    }.trainer(.firstDigits(130))
    wrong.options.isPlacementStrict = true
    var steps = 0
    #expect {
      try wrong.run(stop: StopFlag()) { if case .step(_, progress: false) = $0 { steps += 1 } }
    } throws: { error in
      let error = error as? UserError
      return error?.category == .systemRefused && error?.subject == "--strict-placement"
        && error?.message.contains("worker 1 could not be pinned to CPU 1500") == true
    }
    #expect(steps <= 1)
  }

  @Test("finds every kind of mismatch")
  func mismatches() {
    func worker(pinned: Bool = true, ranOn: CPUSet = [3], migrations: Int = 0) -> [String] {
      PlacementReport.Worker(
        worker: 7, cpu: 3, node: 1, isPinned: pinned, ranOn: ranOn, migrations: migrations
      ).mismatches
    }
    #expect(worker().isEmpty)
    #expect(worker(pinned: false) == ["worker 7 could not be pinned to CPU 3"])
    #expect(worker(ranOn: [3, 5]) == ["worker 7, pinned to CPU 3, ran on CPUs 3,5"])
    #expect(worker(migrations: 2) == ["worker 7, pinned to CPU 3, was moved 2 times"])
    func report(_ tally: PageTally) -> PlacementReport {
      PlacementReport(
        workers: [], memory: [.init(kind: .gradients, tally: tally, hugeShare: 0)], dataset: .whole,
        hasAutomaticNUMABalancing: true,
        notes: ["a note"])
    }
    #expect(report(PageTally(pages: 10, plannedPages: 10, pagesOnNode: 10)).isAsPlanned == true)
    #expect(report(PageTally(pages: 10)).isAsPlanned == true)
    let wrong = report(PageTally(pages: 10, plannedPages: 10, pagesOnNode: 8, unknownPages: 1))
    #expect(wrong.mismatches == ["2 of 10 pages of gradients are on another node"])
    #expect(wrong.isAsPlanned == false)
    let silent = report(PageTally(bytes: 40_960, unknownPages: 10))
    #expect(silent.mismatches.isEmpty && silent.isAsPlanned == nil)
    #expect(throws: Never.self) { try report(PageTally(pages: 10)).requireMatch() }
    for (report, words) in [(wrong, "2 of 10 pages"), (silent, "does not say where 10 pages are")] {
      #expect {
        try report.requireMatch()
      } throws: { error in
        let error = error as? UserError
        return error?.category == .systemRefused && error?.message.contains(words) == true && error?.hint == "a note"
      }
    }
    #expect(PageTally(pages: 4, plannedPages: 4, pagesOnNode: 1).onNodeShare == 0.25)
    #expect(PageTally(pages: 4).onNodeShare == nil)
  }
}
