import KernelInterface

/// Pixels of a map that have the same taps: rows of a tile sum, over one or several images.
struct PixelRegion {
  /// The pixel under the first tap, by row.
  let sources: OffsetTable
  /// Where each row's sum goes.
  let targets: OffsetTable
  /// Where the ReLU mask of each row lies in the input map, in the input gradient.
  let masks: OffsetTable?
  let taps: Extent
  /// Pixels from one tap to the next.
  let steps: Extent
  /// The panel of weights that the taps are part of.
  let panel: TapPanel
  /// The first of them in it.
  let firstTap: Int
}

/// Taps whose weights lie together, row-major, those of 32 lanes at a time.
struct TapPanel {
  let taps: Extent
  /// Taps in the panels before it.
  var tapsBefore = 0
}

/// Taps of a kernel that have the same results: rows of a weight gradient's tile sum, one for each (a, b, c).
struct TapRegion {
  /// The value under each row at the first of the results.
  let sources: OffsetTable
  let targets: OffsetTable
  let results: Extent
  /// Where the first of them lies.
  let first: Int
}

extension PixelRegion {
  /// The output's pixels, in the forward pass.
  ///
  /// - Parameter isCut: whether taps over the zeros around an image are left out; otherwise all pixels are one region.
  static func outputs(_ place: ConvolutionPlace, images: Int, isCut: Bool) -> [PixelRegion] {
    let (window, input, output) = (place.window, place.input.map, place.output.map)
    return regions(
      window.rows.inside(isCut: isCut), window.columns.inside(isCut: isCut),
      of: TapPanel(taps: Extent(window.rows.taps, window.columns.taps)),
      steps: Extent(window.rows.dilation, window.columns.dilation), images: images, from: input,
      source: { i, j, a, b in input.offset(window.rows.pixel(i, a), window.columns.pixel(j, b)) },
      to: output, target: { map, i, j in map.offset(i, j) })
  }

  /// The input's pixels, in the input gradient, class by class; the last region has the pixels that no tap reaches, and no terms.
  static func inputs(_ place: ConvolutionPlace, images: Int, isCut: Bool) -> [PixelRegion] {
    let (window, input) = (place.window, place.input.map)
    let (dInput, dOutput) = (place.input.gradient, place.output.gradient)
    let all = GradientClasses(window)
    var panel = TapPanel(taps: Extent(0))
    var found: [PixelRegion] = []
    for one in all.classes {
      let (rows, columns) = (one.rows, one.columns)
      panel = TapPanel(
        taps: Extent(rows.taps.count, columns.taps.count), tapsBefore: panel.tapsBefore + panel.taps.count)
      found += regions(
        rows.inside(window.rows, isCut: isCut), columns.inside(window.columns, isCut: isCut), of: panel,
        steps: Extent(rows.step, columns.step), images: images, from: dOutput,
        source: { i, j, a, b in dOutput.offset(rows.result(i, a), columns.result(j, b)) },
        to: dInput, masks: input,
        target: { map, i, j in map.offset(rows.pixel(i, window.rows), columns.pixel(j, window.columns)) })
    }
    let bare = all.barePixels(in: dInput)
    if !bare.isEmpty {
      found.append(
        PixelRegion(
          sources: OffsetTable([Int](repeating: 0, count: bare.count), images: images, in: dOutput),
          targets: OffsetTable(bare, images: images, in: dInput),
          masks: OffsetTable(all.barePixels(in: input), images: images, in: input), taps: Extent(0), steps: Extent(0),
          panel: panel, firstTap: 0))
    }
    return found
  }

  /// One for each run of rows and of columns.
  private static func regions(
    _ rows: [WindowRun], _ columns: [WindowRun], of panel: TapPanel, steps: Extent, images: Int, from source: MapLayout,
    source offset: (_ i: Int, _ j: Int, _ a: Int, _ b: Int) -> Int, to target: MapLayout, masks: MapLayout? = nil,
    target place: (MapLayout, _ i: Int, _ j: Int) -> Int
  ) -> [PixelRegion] {
    rows.flatMap { row in
      columns.map { column in
        let pixels = row.places.flatMap { i in column.places.map { (i, $0) } }
        let (a, b) = (row.taps.lowerBound, column.taps.lowerBound)
        let hasTaps = !row.taps.isEmpty && !column.taps.isEmpty
        func table(_ map: MapLayout) -> OffsetTable {
          OffsetTable(pixels.map { place(map, $0, $1) }, images: images, in: map)
        }
        return PixelRegion(
          sources: OffsetTable(pixels.map { hasTaps ? offset($0, $1, a, b) : 0 }, images: images, in: source),
          targets: table(target), masks: masks.map(table), taps: Extent(row.taps.count, column.taps.count),
          steps: steps,
          panel: panel, firstTap: a * panel.taps.width + b)
      }
    }
  }
}

extension TapRegion {
  /// The taps of the kernel, each with its channels, in the weight gradient.
  ///
  /// - Parameter isCut: as for `PixelRegion.outputs`; otherwise all taps are one region.
  static func kernel(_ place: ConvolutionPlace, _ channels: ConvolutionSums.Channels, isCut: Bool) -> [TapRegion] {
    let (window, input, dOutput) = (place.window, place.input.map, place.output.gradient)
    return window.rows.reached(isCut: isCut).flatMap { row in
      window.columns.reached(isCut: isCut).map { column in
        let taps = row.taps.flatMap { a in column.taps.map { (a, $0) } }
        let (i, j) = (row.places.lowerBound, column.places.lowerBound)
        let hasResults = !row.places.isEmpty && !column.places.isEmpty
        return TapRegion(
          sources: OffsetTable(
            taps.flatMap { a, b in
              let source = hasResults ? input.offset(window.rows.pixel(i, a), window.columns.pixel(j, b)) : 0
              return (0..<channels.summed).map { source + $0 }
            }),
          targets: OffsetTable(
            taps.flatMap { a, b in
              (0..<channels.summed).map { ((a * window.columns.taps + b) * channels.terms + $0) * 32 }
            }),
          results: Extent(row.places.count, column.places.count), first: dOutput.offset(i, j))
      }
    }
  }
}

/// Neighbours along one side of a map that have the same taps.
struct WindowRun: Equatable {
  var places: Range<Int>
  var taps: Range<Int>
}

extension WindowAxis {
  /// Runs of results, with their taps that are over pixels; all with all taps, if nothing is to be cut off.
  func inside(isCut: Bool) -> [WindowRun] {
    guard isCut else { return [WindowRun(places: 0..<results, taps: 0..<taps)] }
    return runs(0..<results, of: tapsInside).map { WindowRun(places: $0, taps: $1) }
  }

  /// Runs of taps, with the results at which they are over pixels.
  func reached(isCut: Bool) -> [WindowRun] {
    guard isCut else { return [WindowRun(places: 0..<results, taps: 0..<taps)] }
    return runs(0..<taps) { a in neighbours(0..<results) { isPixel($0, a) } }.map { WindowRun(places: $1, taps: $0) }
  }

  /// The share of products whose tap is over a pixel, not over the zeros around an image.
  var shareInside: Double {
    Double((0..<results).reduce(0) { $0 + tapsInside($1).count }) / Double(max(1, results * taps))
  }

  private func tapsInside(_ i: Int) -> Range<Int> { neighbours(0..<taps) { isPixel(i, $0) } }
  private func isPixel(_ i: Int, _ a: Int) -> Bool { (0..<pixels).contains(pixel(i, a)) }
}

extension GradientAxis {
  /// Runs of the class's pixels, with their taps that are over results, both by their numbers in the class.
  func inside(_ axis: WindowAxis, isCut: Bool) -> [WindowRun] {
    guard isCut else { return [WindowRun(places: 0..<count, taps: 0..<taps.count)] }
    return runs(0..<count) { i in
      neighbours(taps.indices) { (0..<axis.results).contains(result(i, $0)) }
    }.map { WindowRun(places: $0, taps: $1) }
  }
}

/// Those of a range for which something holds, which are neighbours; at its start if there are none.
private func neighbours(_ range: Range<Int>, _ holds: (Int) -> Bool) -> Range<Int> {
  guard let first = range.first(where: holds) else { return range.lowerBound..<range.lowerBound }
  return first..<(range[first...].first { !holds($0) } ?? range.upperBound)
}

/// Runs of neighbours with the same value.
private func runs(_ range: Range<Int>, of value: (Int) -> Range<Int>) -> [(Range<Int>, Range<Int>)] {
  var found: [(run: Range<Int>, value: Range<Int>)] = []
  for i in range {
    let own = value(i)
    if let last = found.last, last.value == own {
      found[found.count - 1].run = last.run.lowerBound..<i + 1
    } else {
      found.append((i..<i + 1, own))
    }
  }
  return found
}
