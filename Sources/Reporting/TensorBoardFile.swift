import Diagnostics
import Exchange
import Storage

/// Metrics as an event file of TensorBoard: a TFRecord file of `Event` messages.
///
/// ```
/// record = length (8 bytes), masked CRC-32C of these, message, masked CRC-32C of it; all little-endian
/// Event  = 1: wall time (double), 2: step, 3: version of the file (the first only), 5: Summary
/// Summary = 1: Value, each 1: tag, 2: simple_value (float)
/// ```
/// Source: tensorflow/core/util/event.proto, tensorflow/core/lib/io/record_writer.h.
final class TensorBoardFile: MetricsMirror {
  static let name = "events.out.tfevents.lockstep"

  /// Keys of `metrics.jsonl` and their tags, whose first part TensorBoard groups by.
  private static let stepTags = [
    ("loss", "train/loss"), ("accuracy", "train/accuracy"), ("lr", "train/lr"),
    ("images_per_second", "speed/images_per_second"), ("step_ms", "speed/step_ms"), ("reduce_ms", "speed/reduce_ms"),
    ("barrier_ms", "speed/barrier_ms"), ("meetings_ms", "speed/meetings_ms"), ("exchange_ms", "speed/exchange_ms"),
  ]
  private static let epochTags = [
    ("loss", "epoch/loss"), ("accuracy", "epoch/accuracy"), ("val_loss", "validation/loss"),
    ("val_accuracy", "validation/accuracy"), ("val_top5_accuracy", "validation/top5_accuracy"),
  ]

  private let file: RecordFile
  /// Seconds since 1970 at which the run's own time was 0, had it never been interrupted.
  private let start: Double

  init(_ place: FilePlace, start: Double) throws(UserError) {
    self.start = start
    file = try RecordFile(place)
    var version = ProtobufMessage()
    version.add(1, double: start)
    version.add(3, text: "brain.Event:2")
    try file.append(Self.record(version.bytes))
  }

  func add(_ line: JSONValue) throws(UserError) {
    let tags = line["kind"] == .string("epoch") ? Self.epochTags : Self.stepTags
    var summary = ProtobufMessage()
    for (key, tag) in tags {
      guard let number = line[key]?.floatingPoint else { continue }
      var value = ProtobufMessage()
      value.add(1, text: tag)
      value.add(2, float: Float(number))
      summary.add(1, message: value)
    }
    var event = ProtobufMessage()
    event.add(1, double: start + (line["elapsed_s"]?.floatingPoint ?? 0))
    event.add(2, integer: line["step"]?.exactInteger ?? 0)
    event.add(5, message: summary)
    try file.append(Self.record(event.bytes))
  }

  static func record(_ message: [UInt8]) -> [UInt8] {
    func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    let length = bytes(UInt64(message.count))
    return length + bytes(CRC32C.masked(length)) + message + bytes(CRC32C.masked(message))
  }
}
