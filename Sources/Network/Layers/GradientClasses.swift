/// Which results each pixel of an input belongs to, for input gradients that gather: one writer per float.
///
/// Where a window steps by s pixels, pixels s apart are under the same taps, so the pixels fall into s classes along each
/// side. Each class is a convolution of its own with stride 1, of the gradient of the results with the taps of the class.
struct GradientClasses: Hashable, Sendable {
  /// Pixels that some tap reaches, and the taps that reach them.
  struct Class: Hashable, Sendable {
    let rows: GradientAxis
    let columns: GradientAxis

    /// Taps in the order of their sum, as numbers of the row-major kernel.
    func positions(_ window: PlacedWindow) -> [Int] {
      rows.taps.flatMap { a in columns.taps.map { a * window.columns.taps + $0 } }
    }
  }

  let window: PlacedWindow
  let classes: [Class]
  /// The other pixels, whose gradient is 0.
  private let bareRows: [Int]
  private let bareColumns: [Int]

  init(_ window: PlacedWindow) {
    self.window = window
    let (rows, columns) = (GradientAxis.all(window.rows), GradientAxis.all(window.columns))
    classes = rows.flatMap { row in columns.map { Class(rows: row, columns: $0) } }
    bareRows = GradientAxis.bare(rows, window.rows)
    bareColumns = GradientAxis.bare(columns, window.columns)
  }

  /// The offsets of the pixels that no tap reaches.
  func barePixels(in map: MapLayout) -> [Int] {
    let (rows, columns) = (Set(bareRows), Set(bareColumns))
    return (0..<window.rows.pixels).flatMap { i in
      (0..<window.columns.pixels).filter { rows.contains(i) || columns.contains($0) }.map { map.offset(i, $0) }
    }
  }

  /// Zeros around the gradient of the results that are read.
  var halo: Halo {
    var halo = Halo()
    for one in classes {
      halo.extend(
        to: Halo(
          top: -one.rows.source, bottom: one.rows.last + 1 - window.rows.results, left: -one.columns.source,
          right: one.columns.last + 1 - window.columns.results))
    }
    return halo
  }
}

/// The pixels of a class along one side.
struct GradientAxis: Hashable, Sendable {
  /// The first pixel, and how many, a stride apart.
  let first: Int
  let count: Int
  /// The taps that reach them, descending.
  let taps: [Int]
  /// The result whose first tap of these lies over the first pixel; that over the next pixel is the next result.
  let source: Int
  /// Results from one tap to the next.
  let step: Int

  /// The last result that is read.
  var last: Int { source + count - 1 + (taps.count - 1) * step }

  /// Pixel `i` of the class, and the result whose tap `a` of the class's lies over it.
  func pixel(_ i: Int, _ axis: WindowAxis) -> Int { first + i * axis.stride }
  func result(_ i: Int, _ a: Int) -> Int { source + i + a * step }

  /// The classes that have pixels and taps.
  static func all(_ axis: WindowAxis) -> [GradientAxis] {
    // Tap a reaches pixels i with i + before = o · stride + a · dilation.
    (0..<min(axis.stride, axis.pixels)).compactMap { first in
      let taps = (0..<axis.taps).reversed().filter {
        (first + axis.before - $0 * axis.dilation).isMultiple(of: axis.stride)
      }
      guard let largest = taps.first else { return nil }
      let source = (first + axis.before - largest * axis.dilation) / axis.stride
      return GradientAxis(
        first: first, count: (axis.pixels - 1 - first) / axis.stride + 1, taps: taps, source: source,
        step: taps.count > 1 ? (largest - taps[1]) * axis.dilation / axis.stride : 1)
    }
  }

  /// The pixels of no class.
  static func bare(_ classes: [GradientAxis], _ axis: WindowAxis) -> [Int] {
    let reached = Set(classes.map(\.first))
    return (0..<axis.pixels).filter { !reached.contains($0 % axis.stride) }
  }
}
