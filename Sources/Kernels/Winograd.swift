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

  @inline(__always)
  init(_ t: WinogradTiles) {
    self.t = t
    assert(tileOutputs == WinogradSize.outputs, "Kernels compute tiles of another size.")
    let perImage = t.tileRows * t.tileColumns
    image = t.firstTile / perImage
    i = t.firstTile % perImage / t.tileColumns * tileOutputs
    j = t.firstTile % t.tileColumns * tileOutputs
    map = t.map + image * t.image + i * t.row + j * t.channels
    domain = t.domain
  }

  @inline(__always)
  mutating func advance() {
    domain += t.blockStep == 0 ? t.channels : 32
    j &+= tileOutputs
    if j == t.tileColumns &* tileOutputs {
      j = 0
      i &+= tileOutputs
      if i == t.tileRows &* tileOutputs {
        i = 0
        image &+= 1
      }
      map = t.map + image &* t.image + i &* t.row
    } else {
      map += tileOutputs &* t.channels
    }
  }
}

@inline(__always)
private func winogradInput<F: WinogradAlgorithm>(_: F.Type, _ t: WinogradTiles) {
  forEachVector(t) { map, domain in
    WinogradPatch(InputLine<F>.self, map, row: t.row, column: t.channels, ahead: tileOutputs)
      .write(at: domain, row: F.points &* t.plane, column: t.plane)
  }
}

@inline(__always)
private func winogradGradient<F: WinogradAlgorithm>(_: F.Type, _ t: WinogradTiles) {
  forEachVector(t) { map, domain in
    WinogradPatch(SpreadLine<F>.self, map, row: t.row, column: t.channels, ahead: tileOutputs)
      .write(at: domain, row: F.points &* t.plane, column: t.plane)
  }
}

/// Calls `body` with the map and the domain of every vector of channels of every tile.
@inline(__always)
private func forEachVector(_ t: WinogradTiles, _ body: (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void) {
  var place = TilePlace(t)
  let blockStep = t.blockStep == 0 ? 32 : t.blockStep
  for _ in 0..<t.tiles {
    var c = 0
    while c < t.channels {
      body(UnsafePointer(place.map + c), place.domain + (c >> 5) &* blockStep + c & 31)
      c &+= Vector.scalarCount
    }
    place.advance()
  }
}

@inline(__always)
private func winogradKernel<F: WinogradAlgorithm>(_: F.Type, _ k: WinogradKernel) {
  forEachVector(k) { taps, domain in
    WinogradPatch(KernelLine<F>.self, UnsafePointer(taps), row: F.taps &* k.tap, column: k.tap)
      .write(at: domain, row: F.points &* k.plane, column: k.plane)
  }
}

@inline(__always)
private func winogradKernelGradient<F: WinogradAlgorithm>(_: F.Type, _ k: WinogradKernel) {
  if k.accumulates {
    winogradKernelGradient(F.self, k, adds: true)
  } else {
    winogradKernelGradient(F.self, k, adds: false)
  }
}

@inline(__always)
private func winogradKernelGradient<F: WinogradAlgorithm>(_: F.Type, _ k: WinogradKernel, adds: Bool) {
  forEachVector(k) { taps, domain in
    WinogradPatch(TapGradientLine<F>.self, UnsafePointer(domain), row: F.points &* k.plane, column: k.plane)
      .write(at: taps, row: F.taps &* k.tap, column: k.tap, adds: adds)
  }
}

/// Calls `body` with the taps and the domain of every vector of every kernel.
@inline(__always)
private func forEachVector(
  _ k: WinogradKernel, _ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void
) {
  for number in 0..<k.count {
    var lane = 0
    while lane < 32 {
      body(k.taps + number * k.tapStep + lane, k.domain + number * k.domainStep + lane)
      lane &+= Vector.scalarCount
    }
  }
}
