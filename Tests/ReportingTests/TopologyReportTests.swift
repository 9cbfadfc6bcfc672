import Machine
import Testing
import Training

@testable import Reporting

@Suite struct TopologyReportTests {
  private let topology = Topology(
    nodes: [.init(id: 0, cpus: CPUSet([0, 1]), memoryBytes: 1024, distances: [10])],
    cores: [.init(cpus: CPUSet([0, 1]), node: 0, package: 0, lastLevelCache: 0)], lastLevelCaches: [CPUSet([0, 1])],
    caches: [.init(level: 1, bytes: 32768, sharedBy: CPUSet([0, 1]))],
    usable: .init(cpus: CPUSet([1]), quota: nil, reasons: ["the affinity mask allows 1"]), processorName: "A \"B\"")

  @Test("the object holds the machine")
  func theObjectHoldsTheMachine() {
    let machine =
      #"{"processor":"A \"B\"","nodes":[{"id":0,"cpus":"0-1","memory_bytes":1024,"distances":[10]}],"#
      + #""cores":[{"cpus":"0-1","node":0,"package":0,"last_level_cache":0}],"caches":[{"level":1,"bytes":32768,"shared_by":"0-1"}],"#
      + #""last_level_caches":["0-1"],"#
      + #""usable":{"cpus":"1","quota":null,"reasons":["the affinity mask allows 1"]},"#
      + #""numa_balancing":false,"transparent_huge_pages":"""#
    let here: String = machine + #","kernels":"avx2""#
    #expect(TopologyReport(topology: topology, kernels: nil, placement: nil).json.compactText == machine + "}")
    #expect(
      TopologyReport(topology: topology, kernels: "avx2", placement: nil).json.compactText == here + "}")
    let placement: Placement = Placement(workers: [.init(cpu: 1, node: 0), .init(cpu: nil, node: 0)], notes: ["n"])
    #expect(
      TopologyReport(topology: topology, kernels: "avx2", placement: placement).json.compactText
        == here + #","workers":[{"cpu":1,"node":0},{"cpu":null,"node":0}],"notes":["n"]}"#)
  }

  @Test("the lines name the kernels")
  func theLinesNameTheKernels() {
    #expect(
      TopologyReport(topology: topology, kernels: "avx2", placement: nil).lines.contains("Kernels      avx2"))
    #expect(
      !TopologyReport(topology: topology, kernels: nil, placement: nil).lines.contains { $0.hasPrefix("Kernels") })
  }
}
