import Storage
import Training

/// A line of `metrics.jsonl`; all lines have the same keys, `val_loss` and `val_accuracy` null where unknown.
///
/// These two are known only on an epoch's line, whose other values are means over the epoch, and only with a test set.
/// What depends on time comes last: all before it is the same for an interrupted run as for an uninterrupted one.
package enum MetricsLine {
  package static func step(_ record: StepRecord) -> String { line("step", record, nil, nil) }

  package static func epoch(_ record: EpochRecord) -> String {
    line("epoch", record.means, record.validationLoss, record.validationAccuracy)
  }

  private static func line(
    _ kind: String, _ record: StepRecord, _ validationLoss: Double?, _ validationAccuracy: Double?
  ) -> String {
    JSONValue.object([
      .init("kind", .string(kind)),
      .init("epoch", .integer(record.epoch)),
      .init("step", .integer(record.step)),
      .init("steps", .integer(record.steps)),
      .init("loss", .number(record.loss)),
      .init("accuracy", .number(record.accuracy)),
      .init("val_loss", .number(validationLoss)),
      .init("val_accuracy", .number(validationAccuracy)),
      .init("lr", .number(record.learningRate)),
      .init("images_per_second", .number(record.imagesPerSecond)),
      .init("step_ms", .number(record.stepMilliseconds)),
      .init(StepColumn.reduce.rawValue, .number(record.reduceMilliseconds)),
      .init(StepColumn.barrier.rawValue, .number(record.barrierMilliseconds)),
      .init(StepColumn.meetings.rawValue, .number(record.meetingsMilliseconds)),
      .init("elapsed_s", .number(record.elapsedSeconds)),
    ]).compactText
  }
}
