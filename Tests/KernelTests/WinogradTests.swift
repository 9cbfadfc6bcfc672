import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

/// The transforms of Winograd's method against their naive twins, and the same bits in every build.
@Suite("Winograd transforms")
struct WinogradTests {
  typealias Matrix = ReferenceWinograd.Matrix
  static let sizes: [WinogradSize] = [.f4k3, .f4k5]

  private func expectClose(
    _ actual: [Float], _ expected: [Double], _ comment: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = worstRelativeError(actual.map(Double.init), expected)
    #expect(error < 1e-6, "\(comment)", sourceLocation: sourceLocation)
  }

  /// A map whose tiles overhang its valid pixels, zero there, and a run of its tiles.
  private struct Geometry {
    var size: WinogradSize
    var channels: Int
    var firstTile: Int
    var tiles: Int
    var isBlocked = false
    let images = 3
    let height = 7
    let width = 10
    var rows: Int { (height + WinogradSize.outputs - 1) / WinogradSize.outputs }
    var columns: Int { (width + WinogradSize.outputs - 1) / WinogradSize.outputs }
    var row: Int { (columns * WinogradSize.outputs + 6) * channels }
    var image: Int { (rows * WinogradSize.outputs + 6) * row + 16 }
    var blockStep: Int { isBlocked ? 32 * tiles + 16 : 0 }
    var plane: Int { (isBlocked ? (channels + 31) / 32 * blockStep : tiles * channels) + 16 }

    /// Where a channel of a tile lies in its plane.
    func place(_ tile: Int, _ c: Int) -> Int {
      isBlocked ? c / 32 * blockStep + tile * 32 + c % 32 : tile * channels + c
    }

    /// Image and first pixel of each tile of the run.
    var places: [(n: Int, i: Int, j: Int)] {
      (firstTile..<firstTile + tiles).map {
        (
          $0 / (rows * columns), $0 % (rows * columns) / columns * WinogradSize.outputs,
          $0 % columns * WinogradSize.outputs
        )
      }
    }

    func arguments(_ map: FloatBuffer, _ domain: FloatBuffer) -> WinogradTiles {
      var tiles = WinogradTiles(
        size: size, firstTile: firstTile, tiles: self.tiles, tileRows: rows, tileColumns: columns, channels: channels,
        map: map.pointer, image: image, row: row, height: height, width: width, domain: domain.pointer, plane: plane)
      tiles.blockStep = blockStep
      return tiles
    }

    /// The `side`×`side` patch of a tile's channel.
    func patch(_ map: [Float], _ place: (n: Int, i: Int, j: Int), _ c: Int, _ side: Int) -> Matrix {
      (0..<side).map { a in
        (0..<side).map { b in
          Double(map[place.n * image + (place.i + a) * row + (place.j + b) * channels + c])
        }
      }
    }
  }

  private static let runs: [(channels: Int, firstTile: Int, tiles: Int)] = [
    (16, 0, 1), (16, 5, 3), (32, 0, 12), (48, 1, 17), (80, 7, 2),
  ]

  @Test("patches and gradients into the transform domain", arguments: sizes, [false, true])
  func intoTheDomain(size: WinogradSize, isBlocked: Bool) {
    for run in Self.runs {
      let g = Geometry(
        size: size, channels: run.channels, firstTile: run.firstTile, tiles: run.tiles, isBlocked: isBlocked)
      var random = RandomFloats(seed: run.tiles)
      let map = FloatBuffer(random.array(g.images * g.image))
      let spread = ReferenceWinograd.transposed(ReferenceWinograd.outputMatrix(size))
      for (isInput, side, matrix) in [
        (true, size.points, ReferenceWinograd.inputMatrix(size)), (false, WinogradSize.outputs, spread),
      ] {
        var expected: [Double] = []
        for place in g.places {
          for c in 0..<g.channels {
            expected += ReferenceWinograd.sandwich(matrix, g.patch(map.values, place, c, side)).joined()
          }
        }
        var first: [UInt32]?
        for kernels in runnableKernels {
          let domain = FloatBuffer(size.products * g.plane)
          (isInput ? kernels.winogradInput : kernels.winogradGradient)(g.arguments(map, domain))
          let values = domain.values
          var actual: [Float] = []
          for tile in 0..<g.tiles {
            for c in 0..<g.channels {
              actual += (0..<size.products).map { values[$0 * g.plane + g.place(tile, c)] }
            }
          }
          expectClose(actual, expected, "\(kernels.name), \(size), \(run), input \(isInput)")
          #expect(domain.isIntact && domain.bits == first ?? domain.bits, "\(kernels.name)")
          first = domain.bits
        }
      }
    }
  }

  @Test(
    "products back into the map, its valid pixels alone, under every epilogue", arguments: sizes,
    [
      (Epilogue.store, .unlimited, false), (.bias, .unlimited, false), (.biasReLU, .unlimited, false),
      (.reluGradient, .unlimited, false), (.biasReLU, FusedReLU(limit: 0.5), false),
      (.reluGradient, FusedReLU(limit: 0.5), false), (.store, .unlimited, true), (.reluGradient, .unlimited, true),
      (.reluGradient, FusedReLU(limit: 0.5), true),
    ] as [(Epilogue, FusedReLU, Bool)])
  func outOfTheDomain(size: WinogradSize, end: (epilogue: Epilogue, relu: FusedReLU, adds: Bool)) {
    let (epilogue, relu, adds) = end
    for run in Self.runs {
      let g = Geometry(size: size, channels: run.channels, firstTile: run.firstTile, tiles: run.tiles)
      var random = RandomFloats(seed: run.tiles + 50)
      let domain = FloatBuffer(random.array(size.products * g.plane))
      let before = random.array(g.images * g.image)
      let bias = FloatBuffer(random.array(g.channels))
      let (maskRow, maskImage) = (g.row + 16, g.image + (g.rows * 4 + 6) * 16 + 32)
      let mask = FloatBuffer(random.array(g.images * maskImage))
      let products = domain.values
      let matrix = ReferenceWinograd.outputMatrix(size)
      var expected = before.map(Double.init)
      for (tile, place) in g.places.enumerated() {
        for c in 0..<g.channels {
          let m = (0..<size.points).map { i in
            (0..<size.points).map { Double(products[(size.points * i + $0) * g.plane + tile * g.channels + c]) }
          }
          let z = ReferenceWinograd.sandwich(matrix, m)
          for a in 0..<min(WinogradSize.outputs, g.height - place.i) {
            for b in 0..<min(WinogradSize.outputs, g.width - place.j) {
              let (i, j) = (place.i + a, place.j + b)
              let target = place.n * g.image + i * g.row + j * g.channels + c
              let isOn = NaiveKernels.passes(
                mask.pointer[place.n * maskImage + i * maskRow + j * g.channels + c], relu)
              let gradient = z[a][b] + (adds ? Double(before[target]) : 0)
              let shifted = z[a][b] + Double(bias.pointer[c])
              switch epilogue {
              case .store: expected[target] = gradient
              case .accumulate, .add: break  // Not offered: a tile is stored once.
              case .bias: expected[target] = shifted
              case .biasReLU: expected[target] = min(max(shifted, 0), Double(relu.limit))
              case .reluGradient: expected[target] = isOn ? gradient : 0
              }
            }
          }
        }
      }
      var first: [UInt32]?
      for kernels in runnableKernels {
        let map = FloatBuffer(before)
        var t = g.arguments(map, domain)
        t.epilogue = epilogue
        t.relu = relu
        t.adds = adds
        if epilogue == .bias || epilogue == .biasReLU { t.bias = UnsafePointer(bias.pointer) }
        if epilogue == .reluGradient {
          t.mask = UnsafePointer(mask.pointer)
          (t.maskRow, t.maskImage) = (maskRow, maskImage)
        }
        kernels.winogradOutput(t)
        expectClose(map.values, expected, "\(kernels.name), \(size), \(run)")
        #expect(map.isIntact && map.bits == first ?? map.bits, "\(kernels.name)")
        first = map.bits
      }
    }
  }

  @Test("kernels into the domain, and their gradients back", arguments: sizes, [1, 3])
  func kernels(size: WinogradSize, count: Int) {
    let r = size.taps
    let (tap, tapStep, domainStep) = (count * 32 + 32, 32, 32)
    let plane = count * 32 + 16
    var random = RandomFloats(seed: count)
    let tapValues = random.array(r * r * tap)
    let domainValues = random.array(size.products * plane)
    let matrix = ReferenceWinograd.kernelMatrix(size)
    for isForward in [true, false] {
      var expected: [Double] = []
      for kernel in 0..<count {
        for lane in 0..<32 {
          let (side, stride, source) = isForward ? (r, tap, tapValues) : (size.points, plane, domainValues)
          let x = (0..<side).map { a in
            (0..<side).map { Double(source[(a * side + $0) * stride + kernel * 32 + lane]) }
          }
          expected += ReferenceWinograd.sandwich(isForward ? matrix : ReferenceWinograd.transposed(matrix), x).joined()
        }
      }
      var first: [UInt32]?
      for kernels in runnableKernels {
        let (taps, domain) = (FloatBuffer(tapValues), FloatBuffer(domainValues))
        let arguments = WinogradKernel(
          size: size, count: count, taps: taps.pointer, tap: tap, tapStep: tapStep, domain: domain.pointer,
          plane: plane, domainStep: domainStep)
        (isForward ? kernels.winogradKernel : kernels.winogradKernelGradient)(arguments)
        let (result, side, stride) = isForward ? (domain, size.points, plane) : (taps, r, tap)
        let values = result.values
        if !isForward {
          var adding = arguments
          let sums = FloatBuffer(tapValues)
          (adding.taps, adding.accumulates) = (sums.pointer, true)
          kernels.winogradKernelGradient(adding)
          for k in 0..<r * r * tap where k % tap < count * 32 { #expect(sums.values[k] == tapValues[k] + values[k]) }
          #expect(sums.isIntact, "\(kernels.name)")
        }
        var actual: [Float] = []
        for kernel in 0..<count {
          for lane in 0..<32 { actual += (0..<side * side).map { values[$0 * stride + kernel * 32 + lane] } }
        }
        expectClose(actual, expected, "\(kernels.name), \(size), forward \(isForward)")
        #expect(taps.isIntact && domain.isIntact && result.bits == first ?? result.bits, "\(kernels.name)")
        first = result.bits
      }
    }
  }
}
