import Glibc
import Storage

/// A series of any length in bounded memory: of each of at most `2 · buckets` equal stretches, its least and its greatest value.
///
/// So a peak of a single step is never lost. A series of no more points than that is kept whole. When all stretches are full,
/// neighbours become one.
struct ThinnedSeries {
  struct Point: Hashable {
    /// The point's number in the series.
    var index: Int
    var step: Int
    var seconds: Double
    var value: Double
  }
  private struct Bucket {
    var least: Point
    var greatest: Point

    mutating func add(_ other: Bucket) {
      if other.least.value < least.value { least = other.least }
      if other.greatest.value > greatest.value { greatest = other.greatest }
    }
  }

  private let most: Int
  private var buckets: [Bucket] = []
  /// Points that a bucket is for.
  private var stride = 1
  private var count = 0
  private var first: Point?
  private var last: Point?

  /// - Parameter buckets: how many there are at least once the series is longer than that.
  init(buckets: Int = 256) { most = 2 * buckets }

  /// Appends a point; one whose value is not finite only counts.
  mutating func add(step: Int, seconds: Double, value: Double) {
    let index = count
    count += 1
    guard value.isFinite else { return }
    let point = Point(index: index, step: step, seconds: seconds, value: value)
    first = first ?? point
    last = point
    let bucket = Bucket(least: point, greatest: point)
    if let filled = buckets.last, filled.least.index / stride == index / stride {
      buckets[buckets.count - 1].add(bucket)
      return
    }
    buckets.append(bucket)
    while buckets.count > most { halve() }
  }

  private mutating func halve() {
    stride *= 2
    var halved: [Bucket] = []
    for bucket in buckets {
      if let previous = halved.last, previous.least.index / stride == bucket.least.index / stride {
        halved[halved.count - 1].add(bucket)
      } else {
        halved.append(bucket)
      }
    }
    buckets = halved
  }

  /// What is kept, in order: the first and the last point, and both ends of every stretch.
  var points: [Point] {
    var points = Set(buckets.flatMap { [$0.least, $0.greatest] })
    if let first, let last { points.formUnion([first, last]) }
    return points.sorted { $0.index < $1.index }
  }

  /// `{"step": […], "seconds": […], "value": […]}`, values with five digits.
  var json: JSONValue {
    let points = points
    return .object([
      .init("step", .array(points.map { .integer($0.step) })),
      .init("seconds", .array(points.map { .number(Self.rounded($0.seconds, digits: 6)) })),
      .init("value", .array(points.map { .number(Self.rounded($0.value, digits: 5)) })),
    ])
  }

  /// The nearest number that has so many decimal digits.
  static func rounded(_ value: Double, digits: Int) -> Double {
    guard value != 0, value.isFinite else { return value }
    let places = digits - 1 - Int(log10(value.magnitude).rounded(.down))
    // Divided, not multiplied by a fraction: so the result is the decimal number's own Double.
    guard abs(places) <= 300 else { return value }
    let power = pow(10, Double(abs(places)))
    return places >= 0 ? (value * power).rounded() / power : (value / power).rounded() * power
  }
}
