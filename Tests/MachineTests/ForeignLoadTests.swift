import Testing

@testable import Machine

@Suite struct ForeignLoadTests {
  private let text: String = """
    cpu  400 0 0 1000 0 0 0 0 0 0
    cpu0 100 10 20 5000 7 3 2 5 40 0
    cpu1 200 0 0 5000 0 0 0 0 0 0
    intr 5
    """

  @Test func busyTimeIsThatOfTheChosenCPUs() {
    let files: SystemFiles = SystemFiles(texts: ["/proc/stat": text])
    #expect(ForeignLoad.busySeconds(files, [0]) == 1.4, "all but idle, iowait and guest")
    #expect(ForeignLoad.busySeconds(files, [0, 1]) == 3.4)
    #expect(ForeignLoad.busySeconds(files, [0, 5]) == nil, "a CPU that the file does not mention")
    #expect(ForeignLoad.busySeconds(SystemFiles(texts: [:]), [0]) == nil)
  }

  /// The process's own time is not others'; whatever else runs here, there is no more of it than CPUs.
  @Test func whatThisProgramComputesIsNotForeign() throws {
    let topology: Topology = try Topology.read()
    let load: ForeignLoad = ForeignLoad(on: topology.usable.cpus)
    var sum: Double = 0
    for i: Int in 0..<30_000_000 { sum += Double(i).squareRoot() }
    guard let busy: Double = load.busyCPUs() else { return }
    #expect(sum > 0 && busy >= 0 && busy <= Double(topology.usable.cpus.count) + 0.5)
    #expect(
      ForeignLoad(on: [0], SystemFiles(texts: ["/proc/stat": text])).busyCPUs() == nil, "less than this program's")
  }
}
