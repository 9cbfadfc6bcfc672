import Testing

@testable import Machine

@Suite struct ForeignLoadTests {
  private let text = """
    cpu  400 0 0 1000 0 0 0 0 0 0
    cpu0 100 10 20 5000 7 3 2 5 40 0
    cpu1 200 0 0 5000 0 0 0 0 0 0
    intr 5
    """

  @Test("busy time is that of the chosen CPUs")
  func busyTimeIsThatOfTheChosenCPUs() {
    let files = SystemFiles(texts: ["/proc/stat": text])
    #expect(ForeignLoad.busySeconds(files, [0]) == 1.4, "all but idle, iowait and guest")
    #expect(ForeignLoad.busySeconds(files, [0, 1]) == 3.4)
    #expect(ForeignLoad.busySeconds(files, [0, 5]) == nil, "a CPU that the file does not mention")
    #expect(ForeignLoad.busySeconds(SystemFiles(texts: [:]), [0]) == nil)
  }

  /// The process's own time is not foreign; whatever else runs here keeps no more CPUs busy than there are.
  @Test("this program's own computing does not count as foreign")
  func whatThisProgramComputesIsNotForeign() throws {
    let topology = try Topology.read()
    let load = ForeignLoad(on: topology.usable.cpus)
    var sum = 0.0
    for i in 0..<30_000_000 { sum += Double(i).squareRoot() }
    guard let busy = load.busyCPUs() else { return }
    #expect(sum > 0 && busy >= 0 && busy <= Double(topology.usable.cpus.count) + 0.5)
    #expect(
      ForeignLoad(on: [0], SystemFiles(texts: ["/proc/stat": text])).busyCPUs() == nil, "less than this program's")
  }
}
