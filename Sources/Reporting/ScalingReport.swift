import Diagnostics
import Machine
import Measuring
import Storage
import Training

extension ScalingSummary: Summary {
  package var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .string(name)), .init("kernels", .string(kernels)), .init("shard_size", .integer(shardSize)),
      .init("points", .array(strong.map(Self.json))), .init("weak_points", .array(weak.map(Self.json))),
      .init("knee", knee.map { .integer($0) } ?? .null), .init("notes", .array(notes.map { .string($0) })),
    ]
    if ranks > 1 { members.append(.init("ranks", .integer(ranks))) }
    if let prediction { members.append(.init("prediction", prediction.json)) }
    return .object(members)
  }

  private static func json(_ point: ScalingPoint) -> JSONValue {
    let exchanges: [JSONValue.Member] =
      point.exchanged.isEmpty ? [] : [.init("exchanges", ExchangeTally.json(point.exchanged))]
    return .object(
      [
        .init("workers", .integer(point.workers)), .init("batch_size", .integer(point.batchSize)),
        .init(
          "images_per_second",
          .object([
            .init("median", .number(point.medianImagesPerSecond)), .init("best", .number(point.bestImagesPerSecond)),
            .init("low", .number(point.imagesPerSecondRange.lowerBound)),
            .init("high", .number(point.imagesPerSecondRange.upperBound)),
          ])),
        .init("speed_up", .number(point.speedUp)), .init("efficiency", .number(point.efficiency)),
        .init("breakdown_ms", point.breakdown.milliseconds),
      ] + exchanges)
  }

  package var lines: [String] {
    var lines = ["\(name), \(kernels) kernels"]
    lines += ["", "strong scaling: the same batch for all"] + Self.tables(strong)
    lines += ["", "weak scaling: a batch in proportion to the workers"] + Self.tables(weak)
    if let knee, strong.count > 1 {
      lines += [
        "",
        knee == strong.last?.workers
          ? "knee: none up to \(NumberText.count(knee, "worker")); each added worker is worth it"
          : "knee: \(NumberText.count(knee, "worker")); beyond it, a worker adds less than half of what one does alone",
      ]
    }
    if (strong + weak).contains(where: { $0.breakdown.meetings > 0 }) {
      lines += ["", "meetings: waiting for others where batch norms need sums over the whole batch"]
    }
    if ranks > 1 { lines += [""] + exchangeLines }
    lines += notes.map { "note: \($0)" }
    return lines + (prediction.map { [""] + $0.lines } ?? [])
  }

  /// What an exchange of each kind came to, in the same batch for all.
  private var exchangeLines: [String] {
    var table = TextTable([.right, .left, .right, .right, .right])
    table.add("workers", "exchange", "ms", "sent", "GB/s")
    table.addRule()
    for point in strong {
      for exchange in point.exchanged {
        table.add(
          "\(point.workers)", exchange.name, NumberText.fixed(exchange.meanMilliseconds, 3),
          Topology.size(Int(exchange.meanBytesSent)), NumberText.fixed(exchange.gigabytesPerSecond, 2))
      }
    }
    return [
      "exchanges of the \(ranks) ranks, as rank 0 saw them: from when it was ready until all was there; means"
    ] + table.lines(indentation: 2)
  }

  /// How fast each worker count is, and where the time of its steps goes.
  private static func tables(_ points: [ScalingPoint]) -> [String] {
    var table = TextTable([TextTable.Alignment](repeating: .right, count: 6))
    table.add("workers", "batch", "images/s", "best", "speed-up", "efficiency")
    table.addRule()
    for point in points {
      table.add(
        "\(point.workers)", NumberText.grouped(point.batchSize), NumberText.rate(point.medianImagesPerSecond),
        NumberText.rate(point.bestImagesPerSecond), NumberText.fixed(point.speedUp, 2),
        NumberText.percent(point.efficiency))
    }
    return table.lines(indentation: 2) + ["", "  milliseconds of a step, means over the workers"]
      + StepBreakdown.table(points.map { ($0.workers, $0.breakdown) }).lines(indentation: 2)
  }

  /// Writes `scaling.txt`, `scaling.json` and `scaling.svg` into a folder, which is made if it is missing.
  ///
  /// - Throws: `UserError(.cannotWrite)`.
  package func write(to folder: String) throws(UserError) {
    try FolderHandle.make(folder)
    try AtomicFile.write(lines.joined(separator: "\n") + "\n", to: "\(folder)/scaling.txt")
    try AtomicFile.write(json.compactText + "\n", to: "\(folder)/scaling.json")
    try AtomicFile.write(ScalingChart.svg(self), to: "\(folder)/scaling.svg")
  }
}

extension StepBreakdown {
  /// `{"compute":…,"meetings":…,"imbalance":…,"barrier":…,"exchange":…,"reduce":…,"update":…}` in milliseconds.
  var milliseconds: JSONValue {
    .object(StepPart.allCases.map { .init($0.rawValue, .number(self[$0] * 1e-6)) })
  }

  /// The parts of steps in milliseconds, by numbers of workers.
  static func table(_ steps: [(workers: Int, breakdown: StepBreakdown)]) -> TextTable {
    let parts = parts(of: steps.map(\.breakdown))
    var table = TextTable([TextTable.Alignment](repeating: .right, count: 1 + parts.count))
    table.add(["workers"] + parts.map(\.rawValue))
    table.addRule()
    for step in steps { table.add(["\(step.workers)"] + step.breakdown.cells(parts)) }
    return table
  }

  /// Some of the parts in milliseconds.
  package func cells(_ parts: [StepPart]) -> [String] { parts.map { NumberText.fixed(self[$0] * 1e-6, 3) } }
}

extension ScalingPrediction {
  /// `8 nodes against 8 times one node: 96.71% in three phases, 71.30% flat`, and the same of hosts.
  private var efficiencyLines: [String] {
    var lines: [String] = []
    if target.nodes > 1, let phases = nodeEfficiency(.threePhase), let flat = nodeEfficiency(.flat) {
      lines.append(
        "\(target.nodes) nodes against \(target.nodes) times one node: "
          + "\(NumberText.percent(phases)) in three phases, \(NumberText.percent(flat)) flat")
    }
    if target.hosts > 1, let hostEfficiency {
      lines.append(
        "\(target.hosts) hosts against \(target.hosts) times one host: \(NumberText.percent(hostEfficiency))")
    }
    return lines
  }

  var json: JSONValue {
    .object([
      .init("topology", .string(target.description)),
      .init(
        "node_efficiency",
        .object(
          ReductionDesign.allCases.map { .init($0.rawValue, nodeEfficiency($0).map { .number($0) } ?? .null) })),
      .init("host_efficiency", target.hosts > 1 ? .number(hostEfficiency) : .null),
      .init(
        "checks",
        .array(
          checks.map {
            .object([
              .init("kind", .string($0.kind)), .init("workers", .integer($0.workers)),
              .init("batch_size", .integer($0.batchSize)), .init("measured", .number($0.measured)),
              .init("predicted", .number($0.predicted)), .init("error", .number($0.relativeError)),
            ])
          })),
      .init(
        "points",
        .array(
          points.map {
            .object([
              .init("workers", .integer($0.workers)), .init("hosts", .integer($0.hosts)),
              .init("nodes", .integer($0.nodes)),
              .init("batch_size", .integer($0.batchSize)), .init("all_reduce", .string($0.design.rawValue)),
              .init("images_per_second", .number($0.imagesPerSecond)), .init("efficiency", .number($0.efficiency)),
              .init("breakdown_ms", $0.breakdown.milliseconds),
            ])
          })),
      .init(
        "costs",
        .object([
          .init("measured_workers", .integer(costs.measuredWorkers)),
          .init("contention", .number(costs.contention)), .init("contention_measured", .bool(costs.measuresContention)),
          .init("jitter", .number(costs.jitter)),
          .init(
            "segments",
            .array(
              costs.segments.map {
                .object([.init("share", .number($0.share)), .init("jitter", .number($0.jitter))])
              })),
          .init("sum_bytes", .number(costs.sumBytes)), .init("sum_ns", .number(costs.sumNanoseconds)),
          .init("barrier_arrival_ns", .number(costs.barrierArrival)),
          .init("optimizer_ms", .number(costs.optimizer * 1e-6)),
          .init("prepare_ms", .number(costs.prepare * 1e-6)),
          .init("parameter_bytes", .number(costs.parameterBytes)),
          .init("prepared_bytes", .number(costs.preparedBytes)),
          .init("shard_bytes", .number(costs.shardBytes[1] ?? 0)),
          .init("cache_bytes", .number(costs.cacheBytes)),
          .init("core_gb_per_second", .number(costs.coreBytesPerNanosecond)),
          .init("copy_gb_per_second", .number(costs.copyBytesPerNanosecond)),
          .init("assumed_node_gb_per_second", .number(costs.nodeBytesPerNanosecond)),
          .init("assumed_shared_cache_bytes", .number(costs.sharedCacheBytes)),
          .init("assumed_link_gb_per_second", .number(costs.linkBytesPerNanosecond)),
          .init("assumed_exchange_us", .number(costs.exchangeNanoseconds * 1e-3)),
          .init("assumed_link_share", .number(costs.linkShare)),
        ])),
    ])
  }

  package var lines: [String] {
    var checked = TextTable([.left, .right, .right, .right, .right, .right])
    checked.add("", "workers", "batch", "measured", "predicted", "error")
    checked.addRule()
    for check in checks {
      checked.add(
        check.kind, "\(check.workers)", NumberText.grouped(check.batchSize), NumberText.rate(check.measured),
        NumberText.rate(check.predicted), NumberText.percent(check.relativeError))
    }
    return ["the model against this machine, images/s"] + checked.lines(indentation: 2)
      + ["", "predicted for \(target) (\(targetForm)), one shard a worker;", "see docs/scaling-model.md"]
      + ReductionDesign.allCases.flatMap(tables) + [""] + efficiencyLines + provenance
  }

  private func tables(of design: ReductionDesign) -> [String] {
    let points = points.filter { $0.design == design }
    guard !points.isEmpty else { return [] }
    let hosts = target.hosts > 1 ? ["hosts"] : []
    var table = TextTable([TextTable.Alignment](repeating: .right, count: hosts.count + 5))
    table.add(hosts + ["nodes", "workers", "batch", "images/s", "efficiency"])
    table.addRule()
    for point in points {
      table.add(
        hosts.map { _ in "\(point.hosts)" } + [
          "\(point.nodes)", "\(point.workers)", NumberText.grouped(point.batchSize),
          NumberText.rate(point.imagesPerSecond), NumberText.percent(point.efficiency),
        ])
    }
    return ["", "\(design.rawValue): \(design.summary)"] + table.lines(indentation: 2)
      + ["", "  milliseconds of a step"]
      + StepBreakdown.table(points.map { ($0.workers, $0.breakdown) }).lines(indentation: 2)
  }

  private var targetForm: String { target.hosts > 1 ? "hosts x (nodes x cores) @ link" : "nodes x cores" }

  /// What was measured and what was not: one worker alone does not show how several affect each other.
  private var provenance: [String] {
    let contention = "contention \(NumberText.fixed(costs.contention, 3))"
    let barrier = "barrier \(NumberText.fixed(costs.barrierArrival, 0)) ns a worker"
    let core = "\(NumberText.fixed(costs.coreBytesPerNanosecond, 1)) GB/s one core"
    var measured = ["jitter \(NumberText.percent(costs.jitter))", core]
    var assumed: [String] = [
      "\(NumberText.fixed(costs.nodeBytesPerNanosecond, 0)) GB/s a node",
      "\(NumberText.fixed(costs.linkBytesPerNanosecond, 0)) GB/s between nodes",
      "\(NumberText.fixed(costs.sharedCacheBytes / (1024 * 1024), 0)) MiB of the last cache a core",
    ]
    if target.hosts > 1 {
      assumed.append(
        "\(NumberText.percent(costs.linkShare)) of the link between hosts, "
          + "\(NumberText.fixed(costs.exchangeNanoseconds * 1e-3, 0)) µs an exchange, none overlapped")
    }
    if let most = costs.segments.map(\.jitter).max() {
      measured.append(
        "\(NumberText.count(costs.segments.count, "segment")) of compute with jitter up to \(NumberText.percent(most))")
    }
    if costs.measuresContention { measured.insert(contention, at: 0) } else { assumed.append(contention) }
    if costs.measuredWorkers > 1 {
      measured += [
        barrier,
        "\(NumberText.fixed(costs.copyBytesPerNanosecond, 1)) GB/s \(NumberText.count(costs.measuredWorkers, "worker"))",
      ]
    } else {
      assumed.append("\(barrier), as no two workers were measured")
    }
    return TextTable.list("measured:", measured) + TextTable.list("assumed:", assumed)
  }
}
