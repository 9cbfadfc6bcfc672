import Machine
import Testing

@testable import Reporting
@testable import Training

@Suite struct PlacementSummaryTests {
  private let report = PlacementReport(
    workers: [
      .init(worker: 0, cpu: 4, node: 0, isPinned: true, ranOn: [4], migrations: 0),
      .init(worker: 1, cpu: nil, node: 1, isPinned: false, ranOn: [1, 2], migrations: 3),
    ],
    memory: [
      .init(
        kind: .weights, tally: PageTally(bytes: 40_960, pages: 10, plannedPages: 8, pagesOnNode: 6), hugeShare: 0.5),
      .init(kind: .data, tally: PageTally(bytes: 4_096, pages: 1), hugeShare: nil),
      .init(kind: .gradients, tally: PageTally(), hugeShare: 0),
    ], dataset: .copies, hasAutomaticNUMABalancing: true, notes: ["a note"])

  @Test("the object holds what the kernel reported")
  func theObjectHoldsWhatTheKernelSaid() {
    #expect(
      report.json.compactText
        == #"{"workers":[{"worker":0,"cpu":4,"node":0,"ran_on":[4],"migrations":0},"#
        + #"{"worker":1,"cpu":null,"node":1,"ran_on":[1,2],"migrations":3}],"#
        + #""memory":[{"class":"weights","bytes":40960,"pages":10,"on_node_share":0.75,"huge_share":0.5},"#
        + #"{"class":"data","bytes":4096,"pages":1,"on_node_share":null,"huge_share":null},"#
        + #"{"class":"gradients","bytes":0,"pages":0,"on_node_share":null,"huge_share":0}],"#
        + #""dataset":"per_node","as_planned":false,"numa_balancing":true,"#
        + #""notes":["2 of 8 pages of weights are on another node","a note"]}"#)
  }

  @Test("the lines summarise it")
  func theLinesSayItInShort() {
    #expect(
      report.facts.map { "\($0.key): \($0.text)" } == [
        "threads: 2 workers ran on CPUs 1-2,4, 1 pinned, 3 migrations",
        "pages: on their node: weights 75.00%, 50.00% huge; data (per_node) unknown",
        "note: 2 of 8 pages of weights are on another node", "note: a note",
      ])
  }

  @Test("pages are not mentioned if all is as planned")
  func pagesAreNotMentionedWhereAllIsAsPlanned() {
    var planned = report
    planned.memory[0].tally.pagesOnNode = 8
    planned.notes = []
    #expect(planned.isAsPlanned == true)
    #expect(planned.facts.map(\.key) == ["threads"])
    planned.memory[1].tally.unknownPages = 1
    #expect(planned.facts.map(\.key) == ["threads", "pages"], "not known to be as planned")
  }

  @Test("a summary holds the placement last")
  func aSummaryHoldsItLast() {
    var summary = TrainingSummary(
      epochs: 1, steps: 1, totalSteps: 1, loss: 1, validationLoss: nil, validationAccuracy: nil, imagesPerSecond: 1,
      elapsedSeconds: 1, workers: 2, weightsDigest: "sha256:00", interrupted: true)
    #expect(!summary.json.compactText.contains("placement"))
    summary.placement = report
    #expect(summary.json.compactText.hasSuffix(#","interrupted":true,"placement":\#(report.json.compactText)}"#))
    #expect(summary.lines.suffix(4).first == "threads  2 workers ran on CPUs 1-2,4, 1 pinned, 3 migrations")
  }

  @Test("memory plans name every node")
  func memoryPlansNameEveryNode() {
    let node = MemoryPlan.Node(
      node: 0, workers: 0..<3, weightBytes: 3 << 20, optimizerBytes: 1 << 20, activationBytes: 10 << 20,
      gradientBytes: 4 << 20)
    var other = node
    (other.node, other.workers) = (nil, 3..<4)
    #expect(
      MemoryPlan(nodes: [node], dataset: .auto).lines == [
        "node 0: weights 3 MiB, optimizer 1 MiB, 3 × (10 MiB activations + 4 MiB gradients), in all 46 MiB"
      ])
    let plan = MemoryPlan(nodes: [node, other], dataset: .interleave)
    #expect(
      plan.lines.dropFirst() == [
        "any node: weights 3 MiB, optimizer 1 MiB, (10 MiB activations + 4 MiB gradients), in all 18 MiB",
        "data sets: pages on all nodes in turn",
      ])
    #expect(
      plan.json.compactText.hasPrefix(
        #"{"nodes":[{"node":0,"first_worker":0,"workers":3,"weight_bytes":3145728,"optimizer_bytes":1048576,"#))
    #expect(plan.json.compactText.hasSuffix(#""dataset":"interleave"}"#))
  }
}
