import Machine
import Measuring
import Storage
import Training

/// A command's result in two forms: the documented JSON object, and a few lines for people.
package protocol Summary {
  var json: JSONValue { get }
  var lines: [String] { get }
}

extension TrainingSummary: Summary {
  /// `interrupted` is present only if it is true.
  package var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("epochs", .integer(epochs)), .init("steps", .integer(steps)), .init("total_steps", .integer(totalSteps)),
      .init("loss", .number(loss)),
      .init("val_loss", .number(validationLoss)), .init("val_accuracy", .number(validationAccuracy)),
      .init("images_per_second", .number(imagesPerSecond)), .init("elapsed_s", .number(elapsedSeconds)),
      .init("workers", .integer(workers)),
      .init("weights_digest", .string(weightsDigest)),
    ]
    if let ranks { members.append(.init("ranks", .integer(ranks))) }
    if let validationTopFive {
      members.insert(.init("val_top5_accuracy", .number(validationTopFive)), at: 6)
    }
    if let newestCheckpoint { members.append(.init("newest_checkpoint", .string(newestCheckpoint))) }
    if let bestCheckpoint { members.append(.init("best_checkpoint", .string(bestCheckpoint))) }
    if interrupted { members.append(.init("interrupted", .bool(true))) }
    if let placement { members.append(.init("placement", placement.json)) }
    return .object(members)
  }

  /// `46 steps`, or `12 of 46 steps` if the run ended before its last one.
  private var stepsText: String {
    (steps < totalSteps ? "\(NumberText.grouped(steps)) of " : "") + NumberText.count(totalSteps, "step")
  }

  package var lines: [String] {
    var table = TextTable([.left, .left])
    table.add(
      "trained",
      "\(NumberText.count(epochs, "epoch")), \(stepsText) in \(NumberText.clock(seconds: elapsedSeconds)), "
        + "\(NumberText.rate(imagesPerSecond)) images/s on \(NumberText.count(workers, "worker"))"
        + (ranks.map { " of \(NumberText.count($0, "rank"))" } ?? "")
        + (interrupted ? ", interrupted" : ""))
    table.add("loss", NumberText.fixed(loss, 4))
    if let validationLoss { table.add("val_loss", NumberText.fixed(validationLoss, 4)) }
    if let validationAccuracy { table.add("val_accuracy", NumberText.percent(validationAccuracy)) }
    table.add("weights", weightsDigest)
    if let newestCheckpoint { table.add("newest", newestCheckpoint) }
    if let bestCheckpoint, bestCheckpoint != newestCheckpoint { table.add("best", bestCheckpoint) }
    for (key, text): (String, String) in placement?.facts ?? [] { table.add(key, text) }
    return table.lines()
  }
}

extension ThroughputSummary: Summary {
  package var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init(
        "images_per_second",
        .object([.init("median", .number(medianImagesPerSecond)), .init("best", .number(bestImagesPerSecond))])),
      .init("step_ms", .object([.init("median", .number(medianStepMilliseconds))])),
      .init("workers", .integer(workers)),
      .init("batch_size", .integer(batchSize)),
    ]
    if let loadingMicroseconds, let loadingShare {
      members.append(
        .init(
          "loading",
          .object([.init("us_per_image", .number(loadingMicroseconds)), .init("share", .number(loadingShare))])))
    }
    if let norms, norms.all > 0 { members.append(.init("folded_norms", .integer(norms.folded))) }
    if ranks > 1 {
      members.append(.init("ranks", .integer(ranks)))
      members.append(.init("exchanges", ExchangeTally.json(exchanged)))
    }
    return .object(members)
  }

  package var lines: [String] {
    var table = TextTable([.left, .left])
    table.add(
      "images/s",
      "\(NumberText.rate(medianImagesPerSecond)) median, \(NumberText.rate(bestImagesPerSecond)) best")
    table.add(norms == nil ? "step" : "batch", "\(NumberText.fixed(medianStepMilliseconds, 3)) ms median")
    table.add("workers", NumberText.grouped(workers))
    table.add("batch_size", NumberText.grouped(batchSize))
    if let loadingMicroseconds, let loadingShare {
      table.add(
        "loading",
        "\(NumberText.fixed(loadingMicroseconds, 1)) µs an image, \(NumberText.percent(loadingShare)) of a step")
    }
    if let norms, norms.all > 0 {
      table.add("norms", "\(norms.folded) of \(NumberText.grouped(norms.all)) computed in the layers before them")
    }
    if ranks > 1 { table.add("ranks", NumberText.grouped(ranks)) }
    for exchange in exchanged { table.add(exchange.name, exchange.text) }
    return table.lines()
  }
}

extension ExchangeTally {
  /// By kind.
  static func json(_ tallies: [ExchangeTally]) -> JSONValue {
    .object(
      tallies.map {
        .init(
          $0.name,
          .object([
            .init("count", .integer($0.count)), .init("mean_ms", .number($0.meanMilliseconds)),
            .init("mean_bytes_sent", .number($0.meanBytesSent)),
          ]))
      })
  }

  fileprivate var text: String {
    "\(NumberText.fixed(meanMilliseconds, 2)) ms an exchange, \(Topology.size(Int(meanBytesSent))) sent by rank 0"
  }
}
