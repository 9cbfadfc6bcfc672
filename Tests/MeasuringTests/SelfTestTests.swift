import TestSupport
import Testing

@testable import Measuring

@Suite struct SelfTestTests {
  @Test("every build has the digests of the table, and the table has no others")
  func table() throws {
    let rows = try SelfTest.run(builds: runnableKernels, topology: try .read())
    for row in rows { #expect(row.passed, "\(row.kernels): \"\(row.name)\": \"\(row.found)\",") }
    #expect(Set(rows.map(\.name)) == Set(SelfTestDigests.all.keys))
  }

  @Test("no two of the kernels compute the same")
  func distinct() {
    let kernels = testKernels
    let digests = SelfTestKernels.digests(kernels)
    #expect(Set(digests.map(\.digest)).count == digests.count, "no two tests compute the same")
  }
}
