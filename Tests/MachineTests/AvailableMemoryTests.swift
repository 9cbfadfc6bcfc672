import Testing

@testable import Machine

/// The memory that is left, according to the files of several kinds of machine.
@Suite struct AvailableMemoryTests {
  private static let meminfo = "MemTotal:  4000000 kB\nMemFree:  1000 kB\nMemAvailable:  2000000 kB\n"

  private func read(_ texts: [String: String]) -> AvailableMemory? { .read(SystemFiles(texts: texts)) }

  @Test("without control groups the machine decides")
  func theMachineAlone() {
    #expect(read([:]) == nil)
    #expect(read(["/proc/meminfo": Self.meminfo])?.bytes == 2_048_000_000)
    #expect(read(["/proc/meminfo": "MemAvailable:\n"]) == nil)
  }

  @Test("the tightest group among the parents counts")
  func theTightestGroupOnTheWayUp() {
    var texts = [
      "/proc/meminfo": Self.meminfo, "/proc/self/cgroup": "0::/outer/inner\n",
      "/proc/self/mountinfo": "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
      "/sys/fs/cgroup/outer/inner/memory.max": "max\n", "/sys/fs/cgroup/outer/inner/memory.current": "5\n",
      "/sys/fs/cgroup/outer/memory.max": "1000000\n", "/sys/fs/cgroup/outer/memory.current": "700000\n",
      "/sys/fs/cgroup/outer/memory.stat": "anon 1\ninactive_file 200000\nactive_file 3\n",
    ]
    #expect(read(texts) == AvailableMemory(bytes: 500_000, source: "memory.max of control group /outer"))
    texts["/sys/fs/cgroup/outer/inner/memory.max"] = "3"
    #expect(read(texts) == AvailableMemory(bytes: 0, source: "memory.max of control group /outer/inner"))
  }

  @Test("version 1 without a limit")
  func versionOneWithoutALimit() {
    let folder = "/sys/fs/cgroup/memory"
    var texts = [
      "/proc/meminfo": Self.meminfo, "/proc/self/cgroup": "4:memory:/\n",
      "/proc/self/mountinfo": "31 23 0:28 / \(folder) rw - cgroup cgroup rw,memory\n",
      "\(folder)/memory.limit_in_bytes": "9223372036854771712\n", "\(folder)/memory.usage_in_bytes": "100\n",
    ]
    #expect(read(texts)?.source == "MemAvailable in /proc/meminfo")
    texts["\(folder)/memory.limit_in_bytes"] = "4096"
    #expect(read(texts)?.bytes == 3996)
  }
}
