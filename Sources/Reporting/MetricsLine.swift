import Storage
import Training

/// A line of `metrics.jsonl`; all lines have the same keys, `val_loss`, `val_accuracy` and `val_top5_accuracy` null where unknown.
///
/// These are known only on the line of an epoch after which the test set was evaluated, whose other values are means over
/// the epoch; the last only from ten classes on.
/// What depends on time comes last: all before it is the same for an interrupted run as for an uninterrupted one.
package enum MetricsLine {
  package static func step(_ record: StepRecord) -> String { line("step", record) }

  package static func epoch(_ record: EpochRecord) -> String {
    line("epoch", record.means, record)
  }

  private static func line(
    _ kind: String, _ record: StepRecord, _ epoch: EpochRecord? = nil
  ) -> String {
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
      .init("elapsed_s", .number(record.elapsedSeconds)),
    ]).compactText
  }
}
