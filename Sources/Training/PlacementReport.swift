import Diagnostics
import Machine

/// What is in a stretch of a run's memory.
package enum MemoryClass: String, Sendable, Hashable, CaseIterable {
  /// The nodes' replicas of the weights and of what is computed from them once per step.
  case weights
  /// The optimizer's state.
  case optimizer
  /// The workers' activations and all else that they compute with.
  case activations
  /// The workers' partial sums.
  case gradients
  /// The data sets.
  case data
}

/// What the kernel said at the end of a run about where its threads ran and its memory was.
package struct PlacementReport: Sendable, Hashable {
  package struct Worker: Sendable, Hashable {
    package var worker: Int
    /// The CPU and node of the plan; the CPU is `nil` if the plan does not pin the worker.
    package var cpu: Int?
    package var node: Int
    /// Whether the system let the worker be pinned.
    package var isPinned: Bool
    package var ranOn: CPUSet
    /// How often the kernel moved the thread to another CPU.
    package var migrations: Int
  }
  package struct Memory: Sendable, Hashable {
    package var kind: MemoryClass
    package var tally: PageTally
    /// The share in huge pages; `nil` if the system does not say.
    package var hugeShare: Double?

    var mismatch: String? {
      let away = tally.plannedPages - tally.pagesOnNode
      return away == 0 ? nil : "\(away) of \(tally.plannedPages) pages of \(kind.rawValue) are on another node"
    }
  }
  package var workers: [Worker]
  package var memory: [Memory]
  /// How the training set is laid out.
  package var dataset: DatasetPlacement
  package var hasAutomaticNUMABalancing: Bool
  /// What the system refused, and what to know about the above.
  package var notes: [String]

  /// Threads and memory that were not where the plan wanted them; huge pages are asked for, not planned.
  package var mismatches: [String] { workers.flatMap(\.mismatches) + memory.compactMap(\.mismatch) }

  /// Pages that the system would not tell about.
  package var unknownPages: Int { memory.reduce(0) { $0 + $1.tally.unknownPages } }

  /// Whether all is where the plan wanted it; `nil` if no mismatch was found, but some pages could not be checked.
  package var isAsPlanned: Bool? { mismatches.isEmpty ? (unknownPages == 0 ? true : nil) : false }

  /// - Throws: `UserError(.systemRefused)` with the mismatches, or with what the system does not say.
  package func requireMatch() throws(UserError) {
    if isAsPlanned == true { return }
    let mismatches = mismatches + (unknownPages > 0 ? ["the system does not say where \(unknownPages) pages are"] : [])
    let more = mismatches.count > 8 ? "; and \(mismatches.count - 8) more" : ""
    throw UserError(
      .systemRefused, "--strict-placement", mismatches.prefix(8).joined(separator: "; ") + more,
      hint: notes.isEmpty ? nil : notes.joined(separator: "; "))
  }
}

extension PlacementReport.Worker {
  var mismatches: [String] {
    guard let cpu else { return [] }
    if !isPinned { return ["worker \(worker) could not be pinned to CPU \(cpu)"] }
    if ranOn != [cpu] { return ["worker \(worker), pinned to CPU \(cpu), ran on CPUs \(ranOn)"] }
    return migrations == 0 ? [] : ["worker \(worker), pinned to CPU \(cpu), was moved \(migrations) times"]
  }
}

/// Pages of one class of memory, counted against the node that the plan wants them on.
package struct PageTally: Sendable, Hashable {
  /// Bytes reserved, touched or not.
  package var bytes: Int = 0
  /// Pages in memory.
  package var pages: Int = 0
  /// Of those, the pages that the plan wants on a node, and how many are there.
  package var plannedPages: Int = 0
  package var pagesOnNode: Int = 0
  /// Pages that the system would not tell about.
  package var unknownPages: Int = 0

  package init(
    bytes: Int = 0, pages: Int = 0, plannedPages: Int = 0, pagesOnNode: Int = 0, unknownPages: Int = 0
  ) {
    self.bytes = bytes
    self.pages = pages
    self.plannedPages = plannedPages
    self.pagesOnNode = pagesOnNode
    self.unknownPages = unknownPages
  }

  /// Asks the system about the pages that begin in `bytes`; any of `nodes` is right, `nil` means that none is planned.
  init(_ bytes: UnsafeRawBufferPointer, on nodes: Set<Int>?) {
    self.bytes = bytes.count
    do throws(UserError) {
      let report = try PageReport(pagesBeginningIn: bytes)
      pages = report.presentPages
      unknownPages = report.unknownPages
      guard let nodes else { return }
      plannedPages = pages
      pagesOnNode = nodes.reduce(0) { $0 + report.pagesOfNode[$1, default: 0] }
    } catch {
      unknownPages = bytes.count / NodeBuffer.pageBytes
    }
  }

  package mutating func add(_ other: PageTally) {
    bytes += other.bytes
    pages += other.pages
    plannedPages += other.plannedPages
    pagesOnNode += other.pagesOnNode
    unknownPages += other.unknownPages
  }

  /// The share of the planned pages that are on their node; `nil` if nothing was planned or the system does not say.
  package var onNodeShare: Double? { plannedPages == 0 ? nil : Double(pagesOnNode) / Double(plannedPages) }
}
