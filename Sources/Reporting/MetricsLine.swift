import Diagnostics
import Storage
import Training

/// A line of `metrics.jsonl`; all lines have the same keys, `val_loss`, `val_accuracy` and `val_top5_accuracy` null where unknown.
///
/// These are known only on the line of an epoch after which the test set was evaluated, whose other values are means over
/// the epoch; the last only from ten classes on.
/// What depends on time comes last: all before it is the same for an interrupted run as for an uninterrupted one.
package enum MetricsLine {
  /// The line that an event is, if it is one.
  package static func object(_ event: TrainingEvent) -> JSONValue? {
    switch event {
    case .step(let record, progress: false): object("step", record)
    case .epoch(let record): object("epoch", record.means, record)
    case .started, .step(_, progress: true), .ledger, .checkpoint, .stalled: nil
    }
  }

  package static func step(_ record: StepRecord) -> String { object("step", record).compactText }

  package static func epoch(_ record: EpochRecord) -> String { object("epoch", record.means, record).compactText }

  /// Calls `body` with every whole line of a file, in order.
  ///
  /// - Throws: `UserError`: `.badData` naming the line that is not JSON; `.inputMissing` if the file cannot be read; what
  ///   `body` throws.
  package static func forEach(
    in file: FilePlace, _ body: (JSONValue) throws(UserError) -> Void
  ) throws(UserError) {
    let input = try ByteInput(file)
    var (rest, number): ([UInt8], Int) = ([], 0)
    while input.remaining > 0 {
      rest += try input.read(min(1 << 16, input.remaining))
      var start = 0
      while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
        number += 1
        var reader = JSONReader(
          Array(rest[start..<end]), dialect: .strict, subject: .bytes(file: "\(file.path), line \(number)", offset: 0))
        try body(try reader.value())
        start = end + 1
      }
      rest.removeFirst(start)
    }
  }

  private static func object(
    _ kind: String, _ record: StepRecord, _ epoch: EpochRecord? = nil
  ) -> JSONValue {
    JSONValue.object([
      .init("kind", .string(kind)),
      .init("epoch", .integer(record.epoch)),
      .init("step", .integer(record.step)),
      .init("steps", .integer(record.steps)),
      .init("loss", .number(record.loss)),
      .init("accuracy", .number(record.accuracy)),
      .init("val_loss", .number(epoch?.validationLoss)),
      .init("val_accuracy", .number(epoch?.validationAccuracy)),
      .init("val_top5_accuracy", .number(epoch?.validationTopFive)),
      .init("lr", .number(record.learningRate)),
      .init("images_per_second", .number(record.imagesPerSecond)),
      .init("step_ms", .number(record.stepMilliseconds)),
      .init(StepColumn.reduce.rawValue, .number(record.reduceMilliseconds)),
      .init(StepColumn.barrier.rawValue, .number(record.barrierMilliseconds)),
      .init(StepColumn.meetings.rawValue, .number(record.meetingsMilliseconds)),
      .init(StepColumn.exchange.rawValue, .number(record.exchangeMilliseconds)),
      .init("elapsed_s", .number(record.elapsedSeconds)),
    ])
  }
}
