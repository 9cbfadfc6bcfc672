import Diagnostics
import Machine
import Testing

struct UsableCPUsTests {
  private let machine = CannedMachine.regular(sockets: 2, cores: 8)

  private func usable(_ files: [String: String]) throws -> Topology.UsableCPUs {
    var machine = machine
    machine.files = files
    let topology = try machine.read()
    TopologyTests.checkInvariants(topology)
    return topology.usable
  }

  @Test("affinity is cut to online CPUs")
  func affinityIsCutToOnlineCPUs() throws {
    let usable = try usable(["proc/self/status": "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t4-9,200\n"])
    #expect(usable.cpus.description == "4-9")
    #expect(usable.quota == nil)
    #expect(usable.reasons.last == "the affinity of the process allows CPUs 4-9")
  }

  @Test("gaps in a cpuset of version 2 are left out")
  func cpusetHolesOfVersion2() throws {
    let usable = try usable([
      "proc/self/cgroup": "0::/box/inner\n",
      "proc/self/mountinfo": "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n",
      "proc/self/status": "Cpus_allowed_list:\t0-9\n",
      "sys/fs/cgroup/box/cpuset.cpus.effective": "1,3-4,8-15\n",
    ])
    #expect(usable.cpus.description == "1,3-4,8-9")
    #expect(usable.reasons.last == "the cpuset of control group /box allows CPUs 1,3-4,8-15")
  }

  @Test(
    "a quota of version 2 is read",
    arguments: [
      ("max 100000", nil), ("400000 100000", 4), ("150000 100000", 1), ("399999 100000", 3), ("50000 100000", 1),
      ("garbage", nil), ("-1 100000", nil), ("100000 0", nil),
    ])
  func quotaOfVersion2(text: String, quota: Int?) throws {
    let usable = try usable(["proc/self/cgroup": "0::/box\n", "sys/fs/cgroup/box/cpu.max": "\(text)\n"])
    #expect(usable.quota == quota)
    #expect(usable.cpus.count == 16, "a quota takes no CPU away")
  }

  @Test("the tightest quota on the way up counts")
  func theTightestQuotaOnTheWayUpCounts() throws {
    let usable = try usable([
      "proc/self/cgroup": "0::/a/b/c\n",
      "sys/fs/cgroup/a/b/c/cpu.max": "max 100000\n",
      "sys/fs/cgroup/a/b/cpu.max": "250000 100000\n",
      "sys/fs/cgroup/a/cpu.max": "900000 100000\n",
    ])
    #expect(usable.quota == 2)
    #expect(usable.reasons.last == "the CPU quota of control group /a/b is worth 2.50 CPUs, used as 2")
  }

  @Test("version 1 works in a container that sees its group at the mount point")
  func version1InAContainerThatSeesItsGroupAtTheMountPoint() throws {
    let usable = try usable([
      "proc/self/cgroup": "5:cpu,cpuacct:/docker/abc\n4:cpuset:/docker/abc\n0::/\n",
      "proc/self/mountinfo": """
      40 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct
      41 31 0:31 /docker/abc /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset
      42 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw

      """,
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      "sys/fs/cgroup/cpuset/cpuset.effective_cpus": "2-5\n",
    ])
    #expect(usable.quota == 3)
    #expect(usable.cpus.description == "2-5")
  }

  @Test("version 1 works without quota and without mountinfo")
  func version1WithoutQuotaAndWithoutMountinfo() throws {
    let usable = try usable([
      "proc/self/cgroup": "5:cpu:/x/y\n",
      "sys/fs/cgroup/cpu/x/y/cpu.cfs_quota_us": "-1\n",
      "sys/fs/cgroup/cpu/x/y/cpu.cfs_period_us": "100000\n",
      "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "120000\n",
      "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "50000\n",
    ])
    #expect(usable.quota == 2)
  }

  @Test("a group outside of the namespace is taken as the mount point")
  func aGroupOutsideOfTheNamespaceIsTheMountPoint() throws {
    let usable = try usable([
      "proc/self/cgroup": "0::/../../other\n",
      "sys/fs/cgroup/cpu.max": "500000 100000\n",
      "sys/other/cpu.max": "100000 100000\n",
    ])
    #expect(usable.quota == 5)
  }

  @Test("no usable CPU is an error")
  func nothingLeftIsAnError() throws {
    #expect {
      _ = try usable(["proc/self/status": "Cpus_allowed_list:\t64-70\n"])
    } throws: { ($0 as? UserError)?.category == .systemRefused }
  }
}
