import Training

extension AllReduceSummary: Summary {
  package var json: JSONValue {
    .object([
      .init("workers", .integer(workers)), .init("kernels", .string(kernels)),
      .init("copy_gb_per_second", .number(copyGigabytesPerSecond)),
      .init("barrier_ns", .number(barrierNanoseconds)),
      .init(
        "sizes",
        .array(
          rows.map {
            .object([
              .init("parameters", .integer($0.parameters)), .init("us", .number($0.microseconds)),
              .init("bytes", .number($0.bytes)), .init("gb_per_second", .number($0.gigabytesPerSecond)),
              .init("copy_us", .number($0.copyMicroseconds)), .init("share_of_copy", .number($0.shareOfCopy)),
            ])
          })),
    ])
  }

  package var lines: [String] {
    var table: TextTable = TextTable([TextTable.Alignment](repeating: .right, count: 6))
    table.add("parameters", "µs", "bytes", "GB/s", "copy µs", "share of copy")
    table.addRule()
    for row: Row in rows {
      table.add(
        NumberText.grouped(row.parameters), NumberText.fixed(row.microseconds, 1), NumberText.grouped(Int(row.bytes)),
        NumberText.fixed(row.gigabytesPerSecond, 1), NumberText.fixed(row.copyMicroseconds, 1),
        NumberText.fixed(row.shareOfCopy, 2))
    }
    return [
      "\(NumberText.count(workers, "worker")), \(kernels) kernels, one partial sum each; "
        + "one barrier \(NumberText.fixed(barrierNanoseconds, 0)) ns",
      "copying \(NumberText.fixed(copyGigabytesPerSecond, 1)) GB/s, read and written by all workers beyond the caches",
      "",
    ] + table.lines() + [
      "", "bytes: partial sums read once; weights and velocity read and written, other nodes' weights written.",
      "copy µs: the same bytes copied by as many threads, from caches where they fit.",
    ]
  }
}
