import CProcessor
import KernelInterface

/// The one-dimensional transforms of F(4, r): 4 outputs of r taps from `points` = r + 3 products.
///
/// Every transform is lane by lane in a fixed order, so it gives the same bits at any vector width. The two-dimensional
/// ones apply it to all columns of a patch, then to all rows, see `transformPatch`.
protocol WinogradAlgorithm {
  static var points: Int { get }
  static var taps: Int { get }
  /// `Bᵀd`: `points` values to `points`.
  static func input(_ d: Line, _ v: MutableLine)
  /// `Aᵀs`: `points` products to 4 outputs.
  static func outputs(_ s: Line) -> Four
  /// `A·z`: 4 output gradients to `points`.
  static func spread(_ z: Line, _ d: MutableLine)
  /// `G·w`: `taps` taps to `points`.
  static func kernel(_ w: Line, _ u: MutableLine)
  /// `Gᵀs`: `points` sums to `taps` tap gradients.
  static func tapGradients(_ s: Line, _ w: some LineTarget)
}

/// Vectors `stride` floats apart: a row or a column of a patch.
struct Line {
  let start: UnsafePointer<Float>
  let stride: Int

  @inline(__always) init(_ start: UnsafePointer<Float>, _ stride: Int) {
    self.start = start
    self.stride = stride
  }

  @inline(__always) subscript(i: Int) -> Vector { load(start + i * stride) }
}

/// A line that takes results.
protocol LineTarget {
  func set(_ i: Int, _ value: Vector)
}

/// A line to write.
struct MutableLine: LineTarget {
  let start: UnsafeMutablePointer<Float>
  let stride: Int

  @inline(__always) init(_ start: UnsafeMutablePointer<Float>, _ stride: Int) {
    self.start = start
    self.stride = stride
  }

  @inline(__always) func set(_ i: Int, _ value: Vector) { store(value, start + i * stride) }

  /// `self[i] = even + odd`, `self[i + 1] = even − odd`: what two opposite points have in common.
  @inline(__always) func set(_ i: Int, even: Vector, odd: Vector) {
    set(i, even + odd)
    set(i + 1, even - odd)
  }
}

/// A line to add to.
struct SummedLine: LineTarget {
  private let line: MutableLine

  @inline(__always) init(_ start: UnsafeMutablePointer<Float>, _ stride: Int) { line = MutableLine(start, stride) }

  @inline(__always) func set(_ i: Int, _ value: Vector) {
    line.set(i, load(UnsafePointer(line.start + i * line.stride)) + value)
  }
}

/// Four vectors of outputs.
struct Four {
  var v0: Vector
  var v1: Vector
  var v2: Vector
  var v3: Vector

  @inline(__always)
  init(_ v0: Vector, _ v1: Vector, _ v2: Vector, _ v3: Vector) {
    self.v0 = v0
    self.v1 = v1
    self.v2 = v2
    self.v3 = v3
  }

  @inline(__always)
  func write(_ line: MutableLine) {
    line.set(0, v0)
    line.set(1, v1)
    line.set(2, v2)
    line.set(3, v3)
  }
}

extension Vector {
  /// `self + x·constant`, rounded once.
  @inline(__always)
  func plus(_ x: Vector, times constant: Float) -> Vector { addingProduct(x, Vector(repeating: constant)) }
}

/// Room for the columns of a patch between its two transforms: at most 8×8 vectors.
typealias PatchColumns = InlineArray<64, Vector>

/// Calls `body` with uninitialised stack scratch for the columns of one patch at a time.
@inline(__always)
func withPatchColumns(_ body: (UnsafeMutablePointer<Float>) -> Void) {
  var columns = PatchColumns(repeating: Vector(repeating: 0))
  withUnsafeMutablePointer(to: &columns) {
    body(UnsafeMutableRawPointer($0).assumingMemoryBound(to: Float.self))
  }
}

/// `target = L·source·Lᵀ` for the matrix L that `line` multiplies by; `source` has `side` columns and rows, `target` `result`.
///
/// The `ahead` rows below, which the next row of tiles will read, are prefetched meanwhile: a map comes from memory.
@inline(__always)
func transformPatch(
  side: Int, result: Int, ahead: Int = 0, _ source: UnsafePointer<Float>, row: Int, column: Int,
  _ target: UnsafeMutablePointer<Float>, targetRow: Int, targetColumn: Int, columns: UnsafeMutablePointer<Float>,
  _ line: (Line, MutableLine) -> Void
) {
  transformColumns(side: side, ahead: ahead, source, row: row, column: column, columns: columns, line)
  var i = 0
  while i < result {
    line(transformedRow(i, side: side, columns: columns), MutableLine(target + i * targetRow, targetColumn))
    i &+= 1
  }
}

/// `columns = L·source`, column by column.
@inline(__always)
func transformColumns(
  side: Int, ahead: Int = 0, _ source: UnsafePointer<Float>, row: Int, column: Int,
  columns: UnsafeMutablePointer<Float>, _ line: (Line, MutableLine) -> Void
) {
  let width = Vector.scalarCount
  var j = 0
  while j < side {
    if j < ahead {
      var i = side
      while i < side &+ ahead {
        lockstep_prefetch(source + i * row + j * column)
        i &+= 1
      }
    }
    line(Line(source + j * column, row), MutableLine(columns + j * width, side * width))
    j &+= 1
  }
}

/// Row `i` of what `transformColumns` wrote.
@inline(__always)
func transformedRow(_ i: Int, side: Int, columns: UnsafeMutablePointer<Float>) -> Line {
  Line(columns + i * side * Vector.scalarCount, Vector.scalarCount)
}
