import KernelInterface

extension NaiveKernels {
  /// Floods every area of equal windows from its first result.
  package static func equalizeWindows(_ w: EqualWindows) {
    for n in 0..<w.images {
      func window(_ i: Int, _ j: Int) -> [UInt32] {
        (0..<w.taps).flatMap { a in
          (0..<w.taps * w.channels).map { b in
            w.input[n * w.inputImage + (i + a) * w.inputRow + j * w.channels + b].bitPattern
          }
        }
      }
      func result(_ i: Int, _ j: Int) -> UnsafeMutablePointer<Float> {
        w.output + n * w.outputImage + i * w.outputRow + j * w.filters
      }
      var isDone = [[Bool]](repeating: [Bool](repeating: false, count: w.width), count: w.height)
      for i in 0..<w.height {
        for j in 0..<w.width where !isDone[i][j] {
          let first = window(i, j)
          if first.allSatisfy({ $0 == 0 }) {
            for k in 0..<w.filters {
              let value = 0 + w.bias[k]
              result(i, j)[k] = rectified(value, w.relu)
            }
          }
          var open = [(i, j)]
          isDone[i][j] = true
          while let (row, column) = open.popLast() {
            for k in 0..<w.filters { result(row, column)[k] = result(i, j)[k] }
            for (a, b) in [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
            where (0..<w.height).contains(a) && (0..<w.width).contains(b) && !isDone[a][b] && window(a, b) == first {
              isDone[a][b] = true
              open.append((a, b))
            }
          }
        }
      }
    }
  }
}
