import Testing

@testable import Machine

struct LinesTests {
  @Test("two nodes under limits are described in lines")
  func twoNodesUnderLimits() throws {
    var machine = CannedMachine.regular(sockets: 2, cores: 4, threads: 2, coresPerCache: 2)
    machine.files = [
      "proc/cpuinfo": "model name\t: Some CPU\n",
      "proc/self/status": "Cpus_allowed_list:\t0-5\n",
      "proc/self/cgroup": "0::/box\n",
      "sys/fs/cgroup/box/cpu.max": "250000 100000\n",
      "proc/sys/kernel/numa_balancing": "1\n",
      "sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n",
    ]
    let expected = """
      Processor    Some CPU
      Cores        8 physical cores in 2 packages, 16 CPUs (up to 2 SMT siblings per core)
      Nodes        node 0: CPUs 0-3,8-11 (4 cores), 64 GiB memory, distances 10 21
                   node 1: CPUs 4-7,12-15 (4 cores), 64 GiB memory, distances 21 10
      Caches       L1d 48 KiB shared by 2 CPUs (CPUs 0,8)
                   L2  2 MiB shared by 2 CPUs (CPUs 0,8)
                   L3  36 MiB shared by 4 CPUs (CPUs 0-1,8-9)
                   4 last-level caches
      Usable       6 CPUs (0-5) on 6 physical cores, quota worth 2 CPUs, because
                   - 16 CPUs are online: 0-15
                   - the affinity of the process allows CPUs 0-5
                   - the CPU quota of control group /box is worth 2.50 CPUs, used as 2
      Huge pages   always
      Warning      automatic NUMA balancing is on: the kernel may move pages (kernel.numa_balancing=0 stops it)
      """
    #expect(try machine.read().lines.joined(separator: "\n") == expected)
  }

  @Test("plans are described in lines")
  func plans() {
    func lines(_ workers: [(Int?, Int)], notes: [String] = []) -> [String] {
      Placement(workers: workers.map { Placement.Worker(cpu: $0, node: $1) }, notes: notes).lines
    }
    #expect(
      lines([(0, 0), (1, 0), (8, 0), (4, 3)]) == ["node 0: workers 0-2 on CPUs 0-1,8", "node 3: worker 3 on CPU 4"])
    #expect(lines([(nil, 0), (nil, 0)], notes: ["so"]) == ["workers 0-1 not pinned", "- so"])
    #expect(lines([]) == [])
  }

  @Test(
    "sizes are rounded down",
    arguments: [
      (0, "0 bytes"), (1_023, "1023 bytes"), (1_536, "1.5 KiB"), (16_345_300 << 10, "15.5 GiB"), (3 << 40, "3 TiB"),
      (Int.max, "8388607 TiB"),
    ])
  func sizes(bytes: Int, text: String) { #expect(Topology.size(bytes) == text) }
}
