import KernelInterface

/// `V = Bᵀ·d·B` of every tile: 6×6 patches of the map into the transform domain.
func winogradInput(_ t: WinogradTiles) {
  var place = TilePlace(t)
  for _ in 0..<t.tiles {
    var c = 0
    while c < t.channels {
      let patch = place.map + c
      @inline(__always) func column(_ j: Int) -> Six {
        Six(patch + j * t.channels, stride: t.row).transformedInput()
      }
      let c0 = column(0)
      let c1 = column(1)
      let c2 = column(2)
      let c3 = column(3)
      let c4 = column(4)
      let c5 = column(5)
      let target = place.domain + c
      let row = 6 * t.plane
      Six(c0.v0, c1.v0, c2.v0, c3.v0, c4.v0, c5.v0).transformedInput().write(target, stride: t.plane)
      Six(c0.v1, c1.v1, c2.v1, c3.v1, c4.v1, c5.v1).transformedInput().write(target + row, stride: t.plane)
      Six(c0.v2, c1.v2, c2.v2, c3.v2, c4.v2, c5.v2).transformedInput().write(target + 2 * row, stride: t.plane)
      Six(c0.v3, c1.v3, c2.v3, c3.v3, c4.v3, c5.v3).transformedInput().write(target + 3 * row, stride: t.plane)
      Six(c0.v4, c1.v4, c2.v4, c3.v4, c4.v4, c5.v4).transformedInput().write(target + 4 * row, stride: t.plane)
      Six(c0.v5, c1.v5, c2.v5, c3.v5, c4.v5, c5.v5).transformedInput().write(target + 5 * row, stride: t.plane)
      c += Vector.scalarCount
    }
    place.advance()
  }
}

/// `A·dZ·Aᵀ` of every tile: m×m gradients of outputs into the transform domain. The map is zero beyond its edge.
func winogradGradient(_ t: WinogradTiles) {
  switch t.size {
  case .f4x4k3: winogradGradient(F4x4K3.self, t)
  case .f2x2k5: winogradGradient(F2x2K5.self, t)
  }
}

/// `U = G·w·Gᵀ` of every kernel.
func winogradKernel(_ k: WinogradKernel) {
  switch k.size {
  case .f4x4k3: winogradKernel(F4x4K3.self, k)
  case .f2x2k5: winogradKernel(F2x2K5.self, k)
  }
}

/// `dw = Gᵀ·S·G` of every kernel.
func winogradKernelGradient(_ k: WinogradKernel) {
  switch k.size {
  case .f4x4k3: winogradKernelGradient(F4x4K3.self, k)
  case .f2x2k5: winogradKernelGradient(F2x2K5.self, k)
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
  private let m: Int

  @inline(__always)
  init(_ t: WinogradTiles) {
    self.t = t
    m = t.size.outputs
    let perImage = t.tileRows * t.tileColumns
    image = t.firstTile / perImage
    i = t.firstTile % perImage / t.tileColumns * m
    j = t.firstTile % t.tileColumns * m
    map = t.map + image * t.image + i * t.row + j * t.channels
    domain = t.domain
  }

  @inline(__always)
  mutating func advance() {
    domain += t.channels
    j &+= m
    if j == t.tileColumns * m {
      j = 0
      i &+= m
      if i == t.tileRows * m {
        i = 0
        image &+= 1
      }
      map = t.map + image * t.image + i * t.row
    } else {
      map += m * t.channels
    }
  }
}

@inline(__always)
private func winogradGradient<F: WinogradAlgorithm>(_: F.Type, _ t: WinogradTiles) {
  var place = TilePlace(t)
  for _ in 0..<t.tiles {
    var c = 0
    while c < t.channels {
      let source = place.map + c
      let target = place.domain + c
      F.Outputs.sixRows({ F.spread(F.Outputs(source + $0 * t.channels, stride: t.row)) }) { i, row in
        F.spread(row).write(target + i * 6 * t.plane, stride: t.plane)
      }
      c += Vector.scalarCount
    }
    place.advance()
  }
}

@inline(__always)
private func winogradKernel<F: WinogradAlgorithm>(_: F.Type, _ k: WinogradKernel) {
  for number in 0..<k.count {
    let taps = k.taps + number * k.tapStep
    let domain = k.domain + number * k.domainStep
    var lane = 0
    while lane < 32 {
      F.Taps.sixRows({ F.kernel(F.Taps(taps + $0 * k.tap + lane, stride: F.r * k.tap)) }) { i, row in
        F.kernel(row).write(domain + lane + i * 6 * k.plane, stride: k.plane)
      }
      lane += Vector.scalarCount
    }
  }
}

@inline(__always)
private func winogradKernelGradient<F: WinogradAlgorithm>(_: F.Type, _ k: WinogradKernel) {
  for number in 0..<k.count {
    let taps = k.taps + number * k.tapStep
    let domain = k.domain + number * k.domainStep
    var lane = 0
    while lane < 32 {
      let source = domain + lane
      @inline(__always) func column(_ q: Int) -> F.Taps { F.taps(Six(source + q * k.plane, stride: 6 * k.plane)) }
      F.Taps.rows((column(0), column(1), column(2), column(3), column(4), column(5))) { a, six in
        F.taps(six).write(taps + a * F.r * k.tap + lane, stride: k.tap)
      }
      lane += Vector.scalarCount
    }
  }
}
