import Measuring
import Storage

extension AllReduceSummary: Summary {
  package var json: JSONValue {
    .object([
      .init("workers", .integer(workers)), .init("nodes", .integer(nodes)), .init("kernels", .string(kernels)),
      .init("copy_gb_per_second", .number(copyGigabytesPerSecond)),
      .init("barrier_ns", .number(barrierNanoseconds)),
      .init(
        "sizes",
        .array(
          rows.map {
            .object([
              .init("parameters", .integer($0.parameters)), .init("us", .number($0.microseconds)),
              .init("bytes", .number($0.bytes)), .init("gb_per_second", .number($0.gigabytesPerSecond)),
              .init("share_of_bandwidth", .number($0.gigabytesPerSecond / copyGigabytesPerSecond)),
              .init("copy_us", .number($0.copyMicroseconds)), .init("share_of_copy", .number($0.shareOfCopy)),
            ])
          })),
    ])
  }

  package var lines: [String] {
    var table = TextTable([TextTable.Alignment](repeating: .right, count: 7))
    table.add("parameters", "µs", "bytes", "GB/s", "of bandwidth", "copy µs", "time / copy")
    table.addRule()
    for row in rows {
      table.add(
        NumberText.grouped(row.parameters), NumberText.fixed(row.microseconds, 1), NumberText.grouped(Int(row.bytes)),
        NumberText.fixed(row.gigabytesPerSecond, 1),
        NumberText.percent(row.gigabytesPerSecond / copyGigabytesPerSecond), NumberText.fixed(row.copyMicroseconds, 1),
        NumberText.fixed(1 / row.shareOfCopy, 2))
    }
    return [
      "\(NumberText.count(workers, "worker")) on \(NumberText.count(nodes, "node")), \(kernels) kernels, one partial sum "
        + "each; one barrier \(NumberText.fixed(barrierNanoseconds, 0)) ns",
      "copying \(NumberText.fixed(copyGigabytesPerSecond, 1)) GB/s, read and written by all workers beyond the caches",
      "",
    ] + table.lines() + [
      "",
      nodes == 1
        ? "bytes: partial sums read once; weights and velocity read and written."
        : "bytes: partial sums read once; weights and velocity read and written; the other nodes' weights written.",
      "of bandwidth: GB/s against that of copying beyond the caches; more than 100 % where caches hold the sums.",
      "copy µs: the same bytes copied by as many threads, from caches if they fit.",
    ]
  }
}
