import Machine
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

extension ExchangeSummary: Summary {
  package var json: JSONValue {
    .object([
      .init("ranks", .integer(hosts.count)), .init("hosts", .array(hosts.map { .string($0) })),
      .init("latency_us", .number(latencyMicroseconds)),
      .init("link_gb_per_second", .number(linkGigabytesPerSecond)),
      .init(
        "sizes",
        .array(
          rows.map {
            .object([
              .init("parameters", .integer($0.parameters)), .init("sums_ms", .number($0.sumsMilliseconds)),
              .init("weights_ms", .number($0.weightsMilliseconds)), .init("bytes_sent", .integer($0.bytesSent)),
              .init("times_link", .number(timesLink($0))),
            ])
          })),
    ])
  }

  package var lines: [String] {
    var table = TextTable([TextTable.Alignment](repeating: .right, count: 5))
    table.add("parameters", "sums ms", "weights ms", "sent by rank 0", "of the link's time")
    table.addRule()
    for row in rows {
      table.add(
        NumberText.grouped(row.parameters), NumberText.fixed(row.sumsMilliseconds, 3),
        NumberText.fixed(row.weightsMilliseconds, 3), Topology.size(row.bytesSent),
        NumberText.fixed(timesLink(row), 2))
    }
    return [
      "\(NumberText.count(hosts.count, "rank")) on \(NumberText.count(Set(hosts).count, "host")), one partial sum each, "
        + "while nobody computes; medians",
      "link \(NumberText.fixed(linkGigabytesPerSecond, 2)) GB/s sent by a rank to the next, all at once; 32 bytes to all "
        + "\(NumberText.fixed(latencyMicroseconds, 0)) µs", "",
    ] + table.lines() + [
      "", "of the link's time: both exchanges against what is sent at the link's speed; 1.00 is as fast as the link.",
    ]
  }
}
