/// A dense N×H×W×C array of Doubles, row-major: what the naive kernels work on.
package struct Tensor4: Hashable, Sendable {
  package let count: Int
  package let height: Int
  package let width: Int
  package let channels: Int
  package var values: [Double]

  package init(count: Int, height: Int, width: Int, channels: Int, values: [Double]? = nil) {
    self.count = count
    self.height = height
    self.width = width
    self.channels = channels
    let total = count * height * width * channels
    self.values = values ?? [Double](repeating: 0, count: total)
    precondition(self.values.count == total, "A tensor's values do not fill its shape.")
  }

  /// Some examples alone.
  package func examples(_ range: Range<Int>) -> Tensor4 {
    let size = height * width * channels
    return Tensor4(
      count: range.count, height: height, width: width, channels: channels,
      values: [Double](values[range.lowerBound * size..<range.upperBound * size]))
  }

  /// Replaces some examples.
  package mutating func set(_ range: Range<Int>, _ other: Tensor4) {
    let size = height * width * channels
    values.replaceSubrange(range.lowerBound * size..<range.upperBound * size, with: other.values)
  }

  package subscript(n: Int, i: Int, j: Int, c: Int) -> Double {
    get { values[index(n, i, j, c)] }
    set { values[index(n, i, j, c)] = newValue }
  }

  /// Where an element lies in `values`.
  package func index(_ n: Int, _ i: Int, _ j: Int, _ c: Int) -> Int { ((n * height + i) * width + j) * channels + c }
}
