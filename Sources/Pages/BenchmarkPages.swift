import Machine
import Measuring
import Reporting
import Storage
import Training

/// What a benchmark found, as a page: numbers, charts, bars and tables.
private struct BenchmarkPage {
  struct Line {
    let name: String
    let points: [(x: Double, y: Double)]
  }
  let command: String
  let title: String
  var about = ""
  var numbers: [(name: String, text: String)] = []
  private var charts: [JSONValue] = []
  private var bars: [JSONValue] = []
  private var tables: [JSONValue] = []
  var notes: [String] = []

  init(command: String, title: String, about: String = "") {
    self.command = command
    self.title = title
    self.about = about
  }

  mutating func addChart(_ title: String, x: String, _ lines: [Line]) {
    let series = lines.filter { !$0.points.isEmpty }.map { line in
      JSONValue.object([
        .init("name", .string(line.name)), .init("x", .array(line.points.map { .number($0.x) })),
        .init("y", .array(line.points.map { .number(ThinnedSeries.rounded($0.y, digits: 5)) })),
      ])
    }
    guard !series.isEmpty else { return }
    charts.append(.object([.init("title", .string(title)), .init("x", .string(x)), .init("series", .array(series))]))
  }

  /// A bar for each row, `share` of the whole width long, with a text behind it.
  mutating func addBars(_ title: String, _ rows: [(name: String, share: Double, text: String)]) {
    let rows = rows.map { row in
      JSONValue.array([
        .string(row.name), .number(ThinnedSeries.rounded(row.share, digits: 5)), .string(row.text),
      ])
    }
    bars.append(.object([.init("title", .string(title)), .init("rows", .array(rows))]))
  }

  mutating func addTable(_ title: String, _ columns: [String], _ rows: [[String]]) {
    guard !rows.isEmpty else { return }
    func texts(_ cells: [String]) -> JSONValue { .array(cells.map { .string($0) }) }
    tables.append(
      .object([
        .init("title", .string(title)), .init("columns", texts(columns)), .init("rows", .array(rows.map(texts))),
      ]))
  }

  var page: Page {
    Page(
      title: "\(title) – Lockstep",
      data: .object([
        .init("command", .string(command)), .init("title", .string(title)), .init("about", .string(about)),
        .init("numbers", .array(numbers.map { .array([.string($0.name), .string($0.text)]) })),
        .init("charts", .array(charts)), .init("bars", .array(bars)), .init("tables", .array(tables)),
        .init("notes", .array(notes.map { .string($0) })),
      ]))
  }
}

extension ScalingSummary {
  package var page: Page {
    var page = BenchmarkPage(
      command: "bench scaling", title: "\(name): speed over workers",
      about: "\(kernels) kernels · shards of \(NumberText.grouped(shardSize))")
    if let best = strong.max(by: { $0.medianImagesPerSecond < $1.medianImagesPerSecond }) {
      page.numbers = [
        ("images/s, at best", NumberText.rate(best.medianImagesPerSecond)), ("with workers", "\(best.workers)"),
        ("speed-up", NumberText.fixed(best.speedUp, 2)), ("efficiency", NumberText.percent(best.efficiency)),
      ]
    }
    func line(_ name: String, _ points: [ScalingPoint], _ value: (ScalingPoint) -> Double) -> BenchmarkPage.Line {
      .init(name: name, points: points.map { (Double($0.workers), value($0)) })
    }
    page.addChart(
      "Images per second", x: "workers",
      [
        line("the same batch", strong, \.medianImagesPerSecond),
        line("a batch in proportion", weak, \.medianImagesPerSecond),
      ])
    page.addChart(
      "Efficiency, 1 is as fast as one worker times their number", x: "workers",
      [line("the same batch", strong, \.efficiency), line("a batch in proportion", weak, \.efficiency)])
    for (title, points) in [("The same batch for all", strong), ("A batch in proportion to the workers", weak)] {
      let parts = StepBreakdown.parts(of: points.map(\.breakdown))
      page.addTable(
        title,
        ["workers", "batch", "images/s", "best", "speed-up", "efficiency"] + parts.map { "\($0.rawValue), ms" },
        points.map { point in
          [
            "\(point.workers)", NumberText.grouped(point.batchSize), NumberText.rate(point.medianImagesPerSecond),
            NumberText.rate(point.bestImagesPerSecond), NumberText.fixed(point.speedUp, 2),
            NumberText.percent(point.efficiency),
          ] + point.breakdown.cells(parts)
        })
    }
    page.notes = notes + (prediction?.lines ?? [])
    return page.page
  }
}

extension KernelBenchmarkSummary {
  package var page: Page {
    var page = BenchmarkPage(
      command: "bench kernels", title: "Kernels of every layer and pass",
      about: "\(kernels) kernels · \(NumberText.grouped(images)) images at a time · one core")
    page.numbers = [
      ("peak, GFLOP/s", NumberText.fixed(peakGigaflops, 1)),
      ("copy, GB/s", NumberText.fixed(copyGigabytesPerSecond, 1)),
    ]
    let name = { (row: Row) in "\(row.layer) \(row.pass.rawValue)" }
    // Winograd's may exceed the peak, as the direct method's operations are counted.
    let computing = rows.filter { $0.gigaflops > 0 }
    let longest = max(1, computing.map(\.shareOfPeak).max() ?? 1)
    page.addBars(
      "Share of the peak",
      computing.map { (name($0), $0.shareOfPeak / longest, NumberText.fixed($0.shareOfPeak, 2)) })
    let slowest = rows.map(\.microsecondsPerImage).max() ?? 1
    page.addBars(
      "Time per image",
      rows.map {
        (name($0), $0.microsecondsPerImage / slowest, "\(NumberText.fixed($0.microsecondsPerImage, 2)) µs")
      })
    page.addTable(
      "All numbers",
      ["layer and pass", "algorithm", "GFLOP/s", "of peak", "µs/image", "bytes/image", "of copy", "bound"],
      rows.map {
        [
          name($0), $0.algorithm, NumberText.fixed($0.gigaflops, 1), NumberText.fixed($0.shareOfPeak, 2),
          NumberText.fixed($0.microsecondsPerImage, 2), NumberText.grouped(Int($0.bytesPerImage)),
          NumberText.fixed($0.shareOfCopy, 2), $0.bound,
        ]
      })
    page.notes = [
      "GFLOP/s count the direct method's operations, so Winograd's may exceed the peak.",
      "Of copy: bytes at copy bandwidth over the time taken; maps that stay in caches may exceed 1.",
    ]
    return page.page
  }
}

extension AllReduceSummary {
  package var page: Page {
    var page = BenchmarkPage(
      command: "bench allreduce", title: "The all-reduce alone",
      about: "\(NumberText.count(workers, "worker")) on \(NumberText.count(nodes, "node")) · \(kernels) kernels")
    page.numbers = [
      ("one barrier", "\(NumberText.fixed(barrierNanoseconds, 0)) ns"),
      ("copying, GB/s", NumberText.fixed(copyGigabytesPerSecond, 1)),
    ]
    let fastest = max(copyGigabytesPerSecond, rows.map(\.gigabytesPerSecond).max() ?? 0)
    page.addBars(
      "GB/s by parameters",
      rows.map {
        (
          NumberText.grouped($0.parameters), $0.gigabytesPerSecond / fastest,
          "\(NumberText.fixed($0.gigabytesPerSecond, 1)) GB/s"
        )
      } + [("copying", copyGigabytesPerSecond / fastest, "\(NumberText.fixed(copyGigabytesPerSecond, 1)) GB/s")])
    page.addTable(
      "All numbers", ["parameters", "µs", "bytes", "GB/s", "of bandwidth", "copy µs", "time / copy"],
      rows.map {
        [
          NumberText.grouped($0.parameters), NumberText.fixed($0.microseconds, 1), NumberText.grouped(Int($0.bytes)),
          NumberText.fixed($0.gigabytesPerSecond, 1),
          NumberText.percent($0.gigabytesPerSecond / copyGigabytesPerSecond), NumberText.fixed($0.copyMicroseconds, 1),
          NumberText.fixed(1 / $0.shareOfCopy, 2),
        ]
      })
    page.notes = ["Copying is of bytes beyond the caches, by as many threads; what caches hold may be faster."]
    return page.page
  }
}

extension ExchangeSummary {
  package var page: Page {
    var page = BenchmarkPage(
      command: "bench allreduce", title: "The exchange between ranks alone",
      about: "\(NumberText.count(hosts.count, "rank")) on \(NumberText.count(Set(hosts).count, "host"))")
    page.numbers = [
      ("32 bytes to all, µs", NumberText.fixed(latencyMicroseconds, 0)),
      ("link, GB/s", NumberText.fixed(linkGigabytesPerSecond, 2)),
    ]
    page.addTable(
      "All numbers", ["parameters", "sums, ms", "weights, ms", "sent by rank 0", "of the link's time"],
      rows.map {
        [
          NumberText.grouped($0.parameters), NumberText.fixed($0.sumsMilliseconds, 3),
          NumberText.fixed($0.weightsMilliseconds, 3), Topology.size($0.bytesSent), NumberText.fixed(timesLink($0), 2),
        ]
      })
    page.notes = ["The link's speed is that of one large message from each rank to the next, all at once."]
    return page.page
  }
}

extension TuningSummary {
  package var page: Page {
    var page = BenchmarkPage(command: "tune", title: "The fastest setting")
    page.numbers = [
      ("images/s", NumberText.rate(best.imagesPerSecond)), ("workers", "\(best.workers)"),
      ("placement", TuningText.placement(best.runtime)),
    ]
    let fastest = trials.map(\.imagesPerSecond).max() ?? 1
    page.addBars(
      "Images per second of each setting",
      trials.map {
        (
          "\($0.workers), \(TuningText.placement($0.runtime))", $0.imagesPerSecond / fastest,
          NumberText.rate($0.imagesPerSecond) + ($0 == best ? " ✓" : "")
        )
      })
    page.addTable(
      "All settings", ["workers", "placement", "images/s", "range"],
      trials.map {
        [
          "\($0.workers)", TuningText.placement($0.runtime), NumberText.rate($0.imagesPerSecond),
          TuningText.range($0),
        ]
      })
    page.notes = doubts.map { "uncertain: \($0)" } + ["runtime: \(best.runtime.jsonValue.compactText)"]
    return page.page
  }
}
