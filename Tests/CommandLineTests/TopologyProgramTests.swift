import Foundation
import Testing

/// `topology` of another machine, as scripts see it.
@Suite struct TopologyProgramTests {
  /// Two nodes of two cores, with the CPUs that `affinity` allows.
  private func machine(_ folder: TemporaryFolder, affinity: String? = nil) throws -> String {
    var texts: [String: String] = [
      "sys/devices/system/cpu/online": "0-3", "sys/devices/system/node/online": "0-1",
      "sys/devices/system/node/node0/cpulist": "0-1", "sys/devices/system/node/node1/cpulist": "2-3",
      "sys/devices/system/node/node0/distance": "10 32", "sys/devices/system/node/node1/distance": "32 10",
      "sys/devices/system/node/node0/meminfo": "Node 0 MemTotal: 1024 kB",
      "sys/devices/system/node/node1/meminfo": "Node 1 MemTotal: 2048 kB",
    ]
    texts["proc/self/status"] = affinity.map { "Cpus_allowed_list:\t\($0)\n" }
    for (path, text) in texts {
      let file = "\(folder.path)/machine/\(path)"
      try FileManager.default.createDirectory(
        atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      _ = try folder.write(text + "\n", to: "machine/\(path)")
    }
    return folder.path + "/machine"
  }

  @Test("a run is planned for a copied tree")
  func aCopiedTreeIsPlannedFor() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let root = try machine(folder, affinity: "1-3")
    let result = try Executable.run(["topology", file, "--topology-root", root, "--json"])
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(result.output.contains(#"{"id":1,"cpus":"2-3","memory_bytes":2097152,"distances":[32,10]}"#))
    #expect(result.output.contains(#""workers":[{"cpu":1,"node":0},{"cpu":2,"node":1}"#))
    #expect(result.output.contains("the affinity of the process allows CPUs 1-3"))
    #expect(!result.output.contains(#""kernels""#), "another machine's kernels are not known")
  }

  @Test("a folder that is not a machine's tree is missing input")
  func aFolderThatIsNoMachineIsMissingInput() throws {
    let folder = try TemporaryFolder()
    for arguments: [String] in [
      ["topology", "--topology-root", folder.path],
      ["bench", "scaling", try folder.write(ProgramTests.tiny, to: "tiny.json"), "--predict", folder.path + "/"],
    ] {
      let result = try Executable.run(arguments)
      #expect(result.exitCode == 66)
      #expect(result.errors.contains("\(folder.path)/sys/devices/system/cpu/online"))
    }
  }
}
