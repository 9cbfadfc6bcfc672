import KernelInterface

/// Pooling of any patches, forward: maximum, or the sum from 0 in row-major order over how many there are; a NaN stays one.
///
/// If `mask` is given, it receives which elements of each patch get the gradient, see `WindowPoolArguments`.
func windowPoolForward(
  _ kind: PoolKind, _ p: WindowPoolArguments, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
  _ mask: UnsafeMutablePointer<Int32>?
) {
  switch kind {
  case .maxAll: windowPoolForward(WindowMaxAll.self, p, x, out, mask)
  case .maxFirst: windowPoolForward(WindowMaxFirst.self, p, x, out, mask)
  case .average: windowPoolForward(WindowAverage.self, p, x, out, mask)
  }
}

/// Pooling of any patches, backward, gathering: each pixel's gradient is the sum from 0 over the patches that hold it,
/// row-major; for a mean, each patch's gradient is divided by its number of pixels.
func windowPoolBackward(
  _ kind: PoolKind, _ p: WindowPoolArguments, _ mask: UnsafePointer<Int32>?, _ dout: UnsafePointer<Float>,
  _ dx: UnsafeMutablePointer<Float>
) {
  switch kind {
  case .maxAll, .maxFirst: windowPoolBackward(dividing: false, p, mask, dout, dx)
  case .average: windowPoolBackward(dividing: true, p, mask, dout, dx)
  }
}

/// A part of a patch: its rows and columns that lie in the image.
private struct WindowPatch {
  /// The patch's first element, were it in the image.
  var start: UnsafePointer<Float>
  var rows: Range<Int>
  var columns: Range<Int>
  var row: Int
  var pixel: Int
  /// Elements per row of a whole patch.
  var width: Int

  /// Calls `body` with each element's number in the whole patch and its values from `lane` on, row-major.
  @inline(__always)
  func forEach(lane: Int, _ body: (_ q: Int, Vector) -> Void) {
    var a = rows.lowerBound
    while a < rows.upperBound {
      var b = columns.lowerBound
      while b < columns.upperBound {
        body(a * width + b, load(start + a * row + b * pixel + lane))
        b &+= 1
      }
      a &+= 1
    }
  }

  var count: Int { rows.count * columns.count }
}

private protocol WindowRule {
  static func result(_ patch: WindowPatch, lane: Int) -> Vector
  /// What decides about the elements of a patch with this result.
  init(_ result: Vector)
  /// All ones where the next element receives the gradient.
  mutating func next(_ value: Vector) -> VectorBits
}

/// The largest value; a NaN where one of them is.
@inline(__always)
private func maximum(_ patch: WindowPatch, lane: Int) -> Vector {
  var largest = Vector(repeating: -.infinity)
  var isNaN = VectorBits(repeating: 0)
  patch.forEach(lane: lane) { _, value in
    isNaN |= value.whereUnordered(value)
    largest = largest.larger(value)
  }
  return largest.madeNaN(where: isNaN)
}

/// As `MaxAll` of 2×2 patches: NumPy's `isclose`, evaluated in Float.
private struct WindowMaxAll: WindowRule {
  let result: Vector
  let tolerance: Vector

  @inline(__always) static func result(_ patch: WindowPatch, lane: Int) -> Vector { maximum(patch, lane: lane) }

  @inline(__always) init(_ result: Vector) {
    self.result = result
    tolerance = Vector(repeating: 1e-8) + result.magnitude * 1e-5
  }

  @inline(__always) mutating func next(_ value: Vector) -> VectorBits {
    (tolerance - (value - result).magnitude).whereNotNegative & ~value.whereUnordered(result)
  }
}

/// The first element in row-major order that equals the maximum; none does if that is a NaN.
private struct WindowMaxFirst: WindowRule {
  let result: Vector
  var found = VectorBits(repeating: 0)

  @inline(__always) static func result(_ patch: WindowPatch, lane: Int) -> Vector { maximum(patch, lane: lane) }

  @inline(__always) init(_ result: Vector) { self.result = result }

  @inline(__always) mutating func next(_ value: Vector) -> VectorBits {
    let first = value.whereEqual(result) & ~found
    found |= first
    return first
  }
}

private struct WindowAverage: WindowRule {
  @inline(__always) static func result(_ patch: WindowPatch, lane: Int) -> Vector {
    var sum = Vector(repeating: 0)
    patch.forEach(lane: lane) { _, value in sum += value }
    return sum / Vector(repeating: Float(patch.count))
  }

  @inline(__always) init(_ result: Vector) {}
  @inline(__always) mutating func next(_ value: Vector) -> VectorBits { VectorBits(repeating: -1) }
}

@inline(__always)
private func windowPoolForward<Rule: WindowRule>(
  _: Rule.Type, _ p: WindowPoolArguments, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
  _ mask: UnsafeMutablePointer<Int32>?
) {
  let channels = p.channels
  let words = p.maskWords
  for n in 0..<p.images {
    var maskPlace = mask.map { $0 + n * p.maskImage }
    for i in 0..<p.outHeight {
      var target = out + n * p.outImage + i * p.outRow
      let row = x + n * p.xImage + (i * p.rowStep - p.top) * p.xRow
      for j in 0..<p.outWidth {
        let patch = WindowPatch(
          start: row + (j * p.columnStep - p.left) * channels, rows: p.patchRows(i), columns: p.patchColumns(j),
          row: p.xRow, pixel: channels, width: p.patchWidth)
        var lane = 0
        while lane < channels {
          let result = Rule.result(patch, lane: lane)
          store(result, target + lane)
          if let maskPlace {
            writeMask(Rule.self, patch, result, p.inputReLU, words, maskPlace + lane, lane: lane, channels)
          }
          lane &+= Vector.scalarCount
        }
        target += channels
        maskPlace = maskPlace.map { $0 + words * channels }
      }
    }
  }
}

/// The mask of one vector of results.
@inline(__always)
private func writeMask<Rule: WindowRule>(
  _: Rule.Type, _ patch: WindowPatch, _ result: Vector, _ inputReLU: FusedReLU?, _ words: Int,
  _ place: UnsafeMutablePointer<Int32>, lane: Int, _ channels: Int
) {
  var rule = Rule(result)
  var number = 0
  var word = VectorBits(repeating: 0)
  patch.forEach(lane: lane) { q, value in
    while number < q >> 5 {
      storeBits(word, place + number * channels)
      word = VectorBits(repeating: 0)
      number &+= 1
    }
    let bit = VectorBits(repeating: Int32(truncatingIfNeeded: 1 &<< (q & 31)))
    let passes = rule.next(value) & bit
    word |= inputReLU.map { passes & value.wherePassed($0) } ?? passes
  }
  while number < words {
    storeBits(word, place + number * channels)
    word = VectorBits(repeating: 0)
    number &+= 1
  }
}

@inline(__always)
private func windowPoolBackward(
  dividing: Bool, _ p: WindowPoolArguments, _ mask: UnsafePointer<Int32>?, _ dout: UnsafePointer<Float>,
  _ dx: UnsafeMutablePointer<Float>
) {
  let channels = p.channels
  let words = p.maskWords
  for n in 0..<p.images {
    let gradients = dout + n * p.doutImage
    let masks = mask.map { $0 + n * p.maskImage }
    for y in 0..<p.inHeight {
      let rows = p.resultRows(y)
      var target = dx + n * p.dxImage + y * p.dxRow
      for z in 0..<p.inWidth {
        let columns = p.resultColumns(z)
        if rows.isEmpty || columns.isEmpty { target.update(repeating: 0, count: channels) }
        for i in rows {
          for j in columns {
            let q = (y + p.top - i * p.rowStep) * p.patchWidth + z + p.left - j * p.columnStep
            let count = dividing ? p.patchRows(i).count * p.patchColumns(j).count : 1
            addGradient(
              gradients + i * p.doutRow + j * channels, over: dividing ? Float(count) : nil,
              masks.map { $0 + ((i * p.outWidth + j) * words + q >> 5) * channels }, bit: q & 31,
              isFirst: i == rows.lowerBound && j == columns.lowerBound, channels, to: target)
          }
        }
        target += channels
      }
    }
  }
}

/// What one patch gives a pixel: stored where it is the first one's, else added.
@inline(__always)
private func addGradient(
  _ gradient: UnsafePointer<Float>, over count: Float?, _ mask: UnsafePointer<Int32>?, bit: Int, isFirst: Bool,
  _ channels: Int, to target: UnsafeMutablePointer<Float>
) {
  let shift = VectorBits(repeating: Int32(truncatingIfNeeded: 31 &- bit))
  var lane = 0
  while lane < channels {
    var value: Vector = load(gradient + lane)
    if let count { value /= Vector(repeating: count) }
    if let mask { value = value.kept(whereSign: loadBits(mask + lane) &<< shift) }
    store((isFirst ? Vector(repeating: 0) : load(target + lane)) + value, target + lane)
    lane &+= Vector.scalarCount
  }
}
