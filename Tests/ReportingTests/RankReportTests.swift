import Reporting
import Testing

@Suite struct RankReportTests {
  @Test("ranks, hosts, workers and bytes relative to a ring")
  func lines() {
    let report = RankReport(
      ranks: [
        RankReport.Rank(host: "a", workers: 2, sums: 1, bytesPerStep: 3 << 20),
        RankReport.Rank(host: "b", workers: 1, sums: 2, bytesPerStep: 9 << 19),
      ], library: "Open MPI v4.1.4", ringBytes: 3 << 20)
    #expect(
      report.lines == [
        "Ranks        2 on 2 hosts, 3 workers, Open MPI v4.1.4",
        "             rank 0 on a: 2 workers, sends 1 sum in 3 MiB a step",
        "             rank 1 on b: 1 worker, sends 2 sums in 4.5 MiB a step",
        "             the most is 1.50 times what a ring sends",
      ])
    #expect(
      report.json.compactText
        == #"{"library":"Open MPI v4.1.4","list":[{"host":"a","workers":2,"sums":1,"bytes_per_step":3145728},"#
        + #"{"host":"b","workers":1,"sums":2,"bytes_per_step":4718592}],"ring_bytes":3145728}"#)
  }

  @Test("without a run there are no bytes")
  func withoutARun() {
    let report = RankReport(ranks: [RankReport.Rank(host: "a", workers: 2)], library: "MPICH")
    #expect(report.lines == ["Ranks        1 on 1 host, 2 workers, MPICH", "             rank 0 on a: 2 workers"])
  }
}
