import Machine
import Testing
import Training

@testable import Reporting

@Suite struct TopologyReportTests {
  private let topology: Topology = Topology(
    nodes: [.init(id: 0, cpus: CPUSet([0, 1]), memoryBytes: 1024, distances: [10])],
    cores: [.init(cpus: CPUSet([0, 1]), node: 0, package: 0, lastLevelCache: 0)], lastLevelCaches: [CPUSet([0, 1])],
    caches: [.init(level: 1, bytes: 32768, sharedBy: CPUSet([0, 1]))],
    usable: .init(cpus: CPUSet([1]), quota: nil, reasons: ["the affinity mask allows 1"]), processorName: "A \"B\"")

  @Test func theObjectHoldsTheMachine() {
    let machine: String =
      #"{"processor":"A \"B\"","nodes":[{"id":0,"cpus":"0-1","memory_bytes":1024,"distances":[10]}],"#
      + #""cores":[{"cpus":"0-1","node":0,"package":0}],"caches":[{"level":1,"bytes":32768,"shared_by":"0-1"}],"#
      + #""usable":{"cpus":"1","quota":null,"reasons":["the affinity mask allows 1"]},"kernels":"avx2""#
    #expect(
      TopologyReport(topology: topology, kernels: "avx2", placement: nil).json.compactText == machine + "}")
    let placement: Placement = Placement(workers: [.init(cpu: 1, node: 0), .init(cpu: nil, node: 0)], notes: ["n"])
    #expect(
      TopologyReport(topology: topology, kernels: "avx2", placement: placement).json.compactText
        == machine + #","workers":[{"cpu":1,"node":0},{"cpu":null,"node":0}],"notes":["n"]}"#)
  }

  @Test func theLinesNameTheKernels() {
    #expect(
      TopologyReport(topology: topology, kernels: "avx2", placement: nil).lines.contains("Kernels      avx2"))
  }
}
