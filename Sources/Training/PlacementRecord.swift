import Collectives
import Diagnostics
import Machine

/// One worker's share of the placement report, made by it at the end of its run.
struct PlacementRecord: Sendable {
  /// A stretch of memory that the worker accounts for.
  ///
  /// `@unchecked Sendable` is safe because the memory at the address is never read.
  struct Stretch: @unchecked Sendable {
    var kind: MemoryClass
    var bytes: UnsafeRawBufferPointer
    var tally: PageTally

    init(_ kind: MemoryClass, _ bytes: UnsafeRawBufferPointer, on nodes: Set<Int>?) {
      self.kind = kind
      self.bytes = bytes
      tally = PageTally(bytes, on: nodes)
    }
  }
  var isPinned: Bool
  var ranOn: CPUSet
  var migrations: Int
  var stretches: [Stretch]
  var placementRefused: Bool

  /// - Throws: as `PlacementReport.requireMatch`, for this worker alone.
  func requireMatch(_ placement: Placement, worker: Int) throws(UserError) {
    try PlacementReport([(worker, self)], placement, dataset: .whole).requireMatch()
  }
}

extension TrainingLoop {
  /// What the kernel says about the worker's thread, its own memory and its part of what is shared.
  func placementRecord(
    _ worker: borrowing Worker, _ trace: borrowing ThreadTrace, _ context: WorkerContext
  ) -> PlacementRecord {
    let node: Set<Int>? = context.memoryNode.map { [$0] }
    var stretches: [PlacementRecord.Stretch] = [
      .init(.weights, part(context.member, of: context.members.count, worker.replica.bytes), on: node),
      .init(.activations, worker.activationBytes, on: node),
      .init(.gradients, worker.gradientBytes, on: node),
    ]
    for (index, bucket) in plan.buckets.enumerated() {
      stretches += shared.optimizer.bytes(bucket.segments[context.index], bucket: index)
        .map { .init(.optimizer, $0, on: node) }
    }
    for dataset in data.sets {
      let (memory, nodes) = dataset.account(context)
      stretches += memory.map { .init(.data, $0, on: nodes) }
    }
    return PlacementRecord(
      isPinned: context.pinned, ranOn: trace.cpus, migrations: trace.migrations(), stretches: stretches,
      placementRefused: worker.placementRefused)
  }
}

extension PlacementReport {
  /// What the records say; nothing about huge pages.
  init(_ records: [(worker: Int, record: PlacementRecord)], _ placement: Placement, dataset: DatasetPlacement) {
    self.dataset = dataset
    workers = records.map { worker, record in
      Worker(
        worker: worker, cpu: placement.workers[worker].cpu, node: placement.workers[worker].node,
        isPinned: record.isPinned, ranOn: record.ranOn, migrations: record.migrations)
    }
    memory = MemoryClass.allCases.map { kind in
      var tally = PageTally()
      for (_, record) in records {
        for stretch in record.stretches where stretch.kind == kind { tally.add(stretch.tally) }
      }
      return Memory(kind: kind, tally: tally, hugeShare: nil)
    }
    hasAutomaticNUMABalancing = false
    notes = []
  }

  /// The report of a run whose workers have finished, while its memory is still there.
  ///
  /// - Parameters:
  ///   - data: the training set, then others.
  ///   - threadNotes: what the system refused the workers' threads.
  init(_ shared: SharedState, _ data: [PlacedDataset], threadNotes: [String]) {
    let plan = shared.plan
    let records = (0..<plan.workerCount).compactMap { worker in shared.placements[worker].map { (worker, $0) } }
    self.init(records, plan.placement, dataset: data.first?.policy ?? .whole)
    let map = MemoryMap.read()
    for index in memory.indices {
      let kind = memory[index].kind
      memory[index].hugeShare = map?.hugeShare(
        records.flatMap { $0.1.stretches.filter { $0.kind == kind }.map(\.bytes) })
    }
    hasAutomaticNUMABalancing = plan.topology.hasAutomaticNUMABalancing
    notes = threadNotes + plan.placementNotes
    let refusals =
      records.reduce(0) { $0 + ($1.1.placementRefused ? 1 : 0) } + shared.optimizer.placementRefusals
      + shared.replicas.reduce(0) { $0 + ($1.placementRefused ? 1 : 0) }
      + data.reduce(0) { $0 + $1.placementRefusals }
    if refusals > 0, plan.topology.nodes.count > 1 {
      notes.append(
        "the system refused to place memory \(refusals) times (mbind), so the first touch decided where it is")
    }
    if unknownPages > 0 { notes.append("the system does not say where \(unknownPages) pages are (move_pages)") }
    if map == nil { notes.append("the system says nothing about huge pages (/proc/self/smaps)") }
  }
}

extension RunPlan {
  /// What about the machine may upset the plan, known before the run.
  var placementNotes: [String] {
    var notes: [String] = []
    if topology.hasAutomaticNUMABalancing, topology.nodes.count > 1 {
      notes.append(
        "automatic NUMA balancing is on: the kernel may move pages and threads (sysctl kernel.numa_balancing=0 stops it)"
      )
    }
    if configuration.runtime.memory.hugePages, topology.transparentHugePages == "never" {
      notes.append("the system gives no huge pages (/sys/kernel/mm/transparent_hugepage/enabled is never)")
    }
    return notes
  }
}
