import CProcessor
import KernelInterface

/// The one-dimensional transforms of F(4, r): 4 outputs of r taps from `points` = r + 3 products.
///
/// Every transform is lane by lane in a fixed order, so it gives the same bits at any vector width. The two-dimensional
/// ones apply it to all columns of a patch, then to all rows, see `WinogradPatch`.
protocol WinogradAlgorithm {
  static var points: Int { get }
  static var taps: Int { get }
  /// `Bᵀd`: `points` values to `points`.
  static func input(_ d: Line) -> Line
  /// `Aᵀs`: `points` products to 4 outputs.
  static func outputs(_ s: Line) -> Line
  /// `A·z`: 4 output gradients to `points`.
  static func spread(_ z: Line) -> Line
  /// `G·w`: `taps` taps to `points`.
  static func kernel(_ w: Line) -> Line
  /// `Gᵀs`: `points` sums to `taps` tap gradients.
  static func tapGradients(_ s: Line) -> Line
}

/// `WinogradSize.outputs`, which the compiler does not know as a constant in this module.
@inline(__always) var tileOutputs: Int { 4 }

/// A row or a column of a patch: at most eight vectors, of which the others are 0.
///
/// A value, as are patches, and nothing loops over them: so they stay in registers as far as there are any.
struct Line {
  var v0: Vector
  var v1: Vector
  var v2: Vector
  var v3: Vector
  var v4: Vector
  var v5: Vector
  var v6: Vector
  var v7: Vector

  @inline(__always)
  init(
    _ v0: Vector, _ v1: Vector, _ v2: Vector, _ v3: Vector = Vector(repeating: 0),
    _ v4: Vector = Vector(repeating: 0), _ v5: Vector = Vector(repeating: 0), _ v6: Vector = Vector(repeating: 0),
    _ v7: Vector = Vector(repeating: 0)
  ) {
    self.v0 = v0
    self.v1 = v1
    self.v2 = v2
    self.v3 = v3
    self.v4 = v4
    self.v5 = v5
    self.v6 = v6
    self.v7 = v7
  }

  /// `count` vectors that lie `stride` floats apart.
  @inline(__always)
  init(_ count: Int, at start: UnsafePointer<Float>, stride: Int) {
    @inline(__always) func value(_ i: Int) -> Vector {
      i < count ? load(start + i &* stride) : Vector(repeating: 0)
    }
    self.init(value(0), value(1), value(2), value(3), value(4), value(5), value(6), value(7))
  }

  @inline(__always) subscript(i: Int) -> Vector {
    switch i {
    case 0: v0
    case 1: v1
    case 2: v2
    case 3: v3
    case 4: v4
    case 5: v5
    case 6: v6
    default: v7
    }
  }

  /// Writes the first `count` vectors `stride` floats apart, or adds them to what is there.
  @inline(__always)
  func write(_ count: Int, at start: UnsafeMutablePointer<Float>, stride: Int, adds: Bool = false) {
    @inline(__always) func put(_ i: Int) {
      guard i < count else { return }
      let place = start + i &* stride
      store(adds ? load(UnsafePointer(place)) + self[i] : self[i], place)
    }
    put(0)
    put(1)
    put(2)
    put(3)
    put(4)
    put(5)
    put(6)
    put(7)
  }
}

extension Vector {
  /// `self + x·constant`, rounded once.
  @inline(__always)
  func plus(_ x: Vector, times constant: Float) -> Vector { addingProduct(x, Vector(repeating: constant)) }
}

/// A transform of a `Line` of `values` vectors to one of `results`.
protocol LineTransform {
  static var values: Int { get }
  static var results: Int { get }
  static func apply(_ line: Line) -> Line
}

enum InputLine<F: WinogradAlgorithm>: LineTransform {
  @inline(__always) static var values: Int { F.points }
  @inline(__always) static var results: Int { F.points }
  @inline(__always) static func apply(_ line: Line) -> Line { F.input(line) }
}

enum OutputLine<F: WinogradAlgorithm>: LineTransform {
  @inline(__always) static var values: Int { F.points }
  @inline(__always) static var results: Int { tileOutputs }
  @inline(__always) static func apply(_ line: Line) -> Line { F.outputs(line) }
}

enum SpreadLine<F: WinogradAlgorithm>: LineTransform {
  @inline(__always) static var values: Int { tileOutputs }
  @inline(__always) static var results: Int { F.points }
  @inline(__always) static func apply(_ line: Line) -> Line { F.spread(line) }
}

enum KernelLine<F: WinogradAlgorithm>: LineTransform {
  @inline(__always) static var values: Int { F.taps }
  @inline(__always) static var results: Int { F.points }
  @inline(__always) static func apply(_ line: Line) -> Line { F.kernel(line) }
}

enum TapGradientLine<F: WinogradAlgorithm>: LineTransform {
  @inline(__always) static var values: Int { F.points }
  @inline(__always) static var results: Int { F.taps }
  @inline(__always) static func apply(_ line: Line) -> Line { F.tapGradients(line) }
}

/// `L·source` for the matrix L that `T` multiplies by, column by column; its rows are then `L·source·Lᵀ`.
struct WinogradPatch<T: LineTransform> {
  private let c0: Line
  private let c1: Line
  private let c2: Line
  private let c3: Line
  private let c4: Line
  private let c5: Line
  private let c6: Line
  private let c7: Line

  /// The patch at `source`, whose rows and columns lie so many floats apart.
  ///
  /// The `ahead` rows below, which the next row of tiles will read, are prefetched meanwhile: a map comes from memory.
  @inline(__always)
  init(_: T.Type, _ source: UnsafePointer<Float>, row: Int, column: Int, ahead: Int = 0) {
    @inline(__always) func prefetch(_ i: Int, _ j: Int) {
      if i < ahead { lockstep_prefetch(source + (T.values &+ i) &* row + j &* column) }
    }
    @inline(__always) func take(_ j: Int) -> Line {
      guard j < T.values else { return Line(Vector(repeating: 0), Vector(repeating: 0), Vector(repeating: 0)) }
      if j < ahead {
        prefetch(0, j)
        prefetch(1, j)
        prefetch(2, j)
        prefetch(3, j)
      }
      return T.apply(Line(T.values, at: source + j &* column, stride: row))
    }
    c0 = take(0)
    c1 = take(1)
    c2 = take(2)
    c3 = take(3)
    c4 = take(4)
    c5 = take(5)
    c6 = take(6)
    c7 = take(7)
  }

  /// Row `i` of `L·source·Lᵀ`.
  @inline(__always)
  func row(_ i: Int) -> Line { T.apply(Line(c0[i], c1[i], c2[i], c3[i], c4[i], c5[i], c6[i], c7[i])) }

  /// Writes `L·source·Lᵀ`, or adds it to what is there.
  @inline(__always)
  func write(at target: UnsafeMutablePointer<Float>, row: Int, column: Int, adds: Bool = false) {
    @inline(__always) func put(_ i: Int) {
      if i < T.results { self.row(i).write(T.results, at: target + i &* row, stride: column, adds: adds) }
    }
    put(0)
    put(1)
    put(2)
    put(3)
    put(4)
    put(5)
    put(6)
    put(7)
  }
}
