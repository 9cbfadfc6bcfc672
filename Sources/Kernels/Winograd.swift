import KernelInterface

/// `V = Bᵀ·d·B` of every tile: patches of points × points pixels of the map into the transform domain.
func winogradInput(_ t: WinogradTiles) {
  assert(t.mistake(writesMap: false) == nil, t.mistake(writesMap: false) ?? "")
  switch t.size {
  case .f4k3: winogradInput(F4K3.self, t)
  case .f4k5: winogradInput(F4K5.self, t)
  }
}

/// `A·dZ·Aᵀ` of every tile: 4×4 gradients of outputs into the transform domain. The map is zero beyond its edge.
func winogradGradient(_ t: WinogradTiles) {
  assert(t.mistake(writesMap: false) == nil, t.mistake(writesMap: false) ?? "")
  switch t.size {
  case .f4k3: winogradGradient(F4K3.self, t)
  case .f4k5: winogradGradient(F4K5.self, t)
  }
}

/// `U = G·w·Gᵀ` of every kernel.
func winogradKernel(_ k: WinogradKernel) {
  assert(k.mistake == nil, k.mistake ?? "")
  switch k.size {
  case .f4k3: winogradKernel(F4K3.self, k)
  case .f4k5: winogradKernel(F4K5.self, k)
  }
}

/// `dw = Gᵀ·S·G` of every kernel, or `dw + Gᵀ·S·G`.
func winogradKernelGradient(_ k: WinogradKernel) {
  assert(k.mistake == nil, k.mistake ?? "")
  switch k.size {
  case .f4k3: winogradKernelGradient(F4K3.self, k)
  case .f4k5: winogradKernelGradient(F4K5.self, k)
  }
}

/// Walks tiles: the address of the tile's first pixel, its place in the domain, its image and pixel.
struct TilePlace {
  private(set) var map: UnsafeMutablePointer<Float>
  private(set) var domain: UnsafeMutablePointer<Float>
  private(set) var image: Int
  private(set) var i: Int
  private(set) var j: Int
  private let t: WinogradTiles
  private static var outputs: Int { WinogradSize.outputs }

  @inline(__always)
  init(_ t: WinogradTiles) {
    self.t = t
    let perImage = t.tileRows * t.tileColumns
    image = t.firstTile / perImage
    i = t.firstTile % perImage / t.tileColumns * Self.outputs
    j = t.firstTile % t.tileColumns * Self.outputs
    map = t.map + image * t.image + i * t.row + j * t.channels
    domain = t.domain
  }

  @inline(__always)
  mutating func advance() {
    domain += t.channels
    j &+= Self.outputs
    if j == t.tileColumns * Self.outputs {
      j = 0
      i &+= Self.outputs
      if i == t.tileRows * Self.outputs {
        i = 0
        image &+= 1
      }
      map = t.map + image * t.image + i * t.row
    } else {
      map += Self.outputs * t.channels
    }
  }
}

@inline(__always)
private func winogradInput<F: WinogradAlgorithm>(_: F.Type, _ t: WinogradTiles) {
  forEachVector(t) { map, domain, columns in
    transformPatch(
      side: F.points, result: F.points, ahead: WinogradSize.outputs, map, row: t.row, column: t.channels, domain,
      targetRow: F.points * t.plane,
      targetColumn: t.plane, columns: columns
    ) { F.input($0, $1) }
  }
}

@inline(__always)
private func winogradGradient<F: WinogradAlgorithm>(_: F.Type, _ t: WinogradTiles) {
  forEachVector(t) { map, domain, columns in
    transformPatch(
      side: 4, result: F.points, ahead: WinogradSize.outputs, map, row: t.row, column: t.channels, domain,
      targetRow: F.points * t.plane,
      targetColumn: t.plane, columns: columns
    ) { F.spread($0, $1) }
  }
}

/// Calls `body` with the map, the domain and scratch of every vector of channels of every tile.
@inline(__always)
private func forEachVector(
  _ t: WinogradTiles, _ body: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void
) {
  withPatchColumns { columns in
    var place = TilePlace(t)
    for _ in 0..<t.tiles {
      var c = 0
      while c < t.channels {
        body(UnsafePointer(place.map + c), place.domain + c, columns)
        c &+= Vector.scalarCount
      }
      place.advance()
    }
  }
}

@inline(__always)
private func winogradKernel<F: WinogradAlgorithm>(_: F.Type, _ k: WinogradKernel) {
  forEachVector(k) { taps, domain, columns in
    transformPatch(
      side: F.taps, result: F.points, UnsafePointer(taps), row: F.taps * k.tap, column: k.tap, domain,
      targetRow: F.points * k.plane, targetColumn: k.plane, columns: columns
    ) { F.kernel($0, $1) }
  }
}

@inline(__always)
private func winogradKernelGradient<F: WinogradAlgorithm>(_: F.Type, _ k: WinogradKernel) {
  if k.accumulates {
    winogradKernelGradient(F.self, k) { SummedLine($0, k.tap) }
  } else {
    winogradKernelGradient(F.self, k) { MutableLine($0, k.tap) }
  }
}

@inline(__always)
private func winogradKernelGradient<F: WinogradAlgorithm, Target: LineTarget>(
  _: F.Type, _ k: WinogradKernel, _ target: (UnsafeMutablePointer<Float>) -> Target
) {
  forEachVector(k) { taps, domain, columns in
    transformColumns(
      side: F.points, UnsafePointer(domain), row: F.points * k.plane, column: k.plane, columns: columns
    ) { F.tapGradients($0, $1) }
    var i = 0
    while i < F.taps {
      F.tapGradients(transformedRow(i, side: F.points, columns: columns), target(taps + i * F.taps * k.tap))
      i &+= 1
    }
  }
}

/// Calls `body` with the taps, the domain and scratch of every vector of every kernel.
@inline(__always)
private func forEachVector(
  _ k: WinogradKernel,
  _ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void
) {
  withPatchColumns { columns in
    for number in 0..<k.count {
      var lane = 0
      while lane < 32 {
        body(k.taps + number * k.tapStep + lane, k.domain + number * k.domainStep + lane, columns)
        lane &+= Vector.scalarCount
      }
    }
  }
}
