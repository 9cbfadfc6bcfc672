import KernelInterface

/// `Aᵀ·M·A` of every tile, with the epilogue, into the map's valid pixels.
func winogradOutput(_ t: WinogradTiles) {
  switch (t.epilogue, t.bias, t.mask) {
  case (.store, _, _): winogradOutput(Unchanged(), t)
  case (.bias, let bias?, _): winogradOutput(AddBias(bias: bias), t)
  case (.biasReLU, let bias?, _): winogradOutput(AddBiasReLU(bias: bias), t)
  case (.reluGradient, _, let mask?): winogradOutput(ReLUGradient(mask: mask), t)
  default: fatalError("A Winograd output's epilogue is unknown or lacks its operand (bias or mask).")
  }
}

/// What happens to one vector of outputs of channel `c` before it is stored; `mask` is where its mask would lie.
protocol OutputEpilogue {
  func apply(_ value: Vector, channel c: Int, mask: Int) -> Vector
}

struct Unchanged: OutputEpilogue {
  @inline(__always) func apply(_ value: Vector, channel c: Int, mask: Int) -> Vector { value }
}

struct AddBias: OutputEpilogue {
  let bias: UnsafePointer<Float>
  @inline(__always) func apply(_ value: Vector, channel c: Int, mask: Int) -> Vector { value + load(bias + c) }
}

struct AddBiasReLU: OutputEpilogue {
  let bias: UnsafePointer<Float>
  @inline(__always) func apply(_ value: Vector, channel c: Int, mask: Int) -> Vector {
    (value + load(bias + c)).positivePart
  }
}

struct ReLUGradient: OutputEpilogue {
  let mask: UnsafePointer<Float>
  @inline(__always) func apply(_ value: Vector, channel c: Int, mask offset: Int) -> Vector {
    value.kept(where: load(mask + offset))
  }
}

@inline(__always)
private func winogradOutput<E: OutputEpilogue>(_ epilogue: E, _ t: WinogradTiles) {
  switch t.size {
  case .f4x4k3: winogradOutput(F4x4K3.self, epilogue, t)
  case .f2x2k5: winogradOutput(F2x2K5.self, epilogue, t)
  }
}

@inline(never)
private func winogradOutput<F: WinogradAlgorithm, E: OutputEpilogue>(_: F.Type, _ epilogue: E, _ t: WinogradTiles) {
  let plane = t.plane
  var place = TilePlace(t)
  for _ in 0..<t.tiles {
    var sink = OutputSink(
      epilogue: epilogue, target: place.map, row: t.row, channels: t.channels,
      mask: place.image * t.maskImage + place.i * t.maskRow + place.j * t.channels, maskRow: t.maskRow,
      rows: t.height - place.i, columns: t.width - place.j)
    while sink.c < t.channels {
      let source = UnsafePointer(place.domain + sink.c)
      let c0 = F.outputs(Six(source, stride: 6 * plane))
      let c1 = F.outputs(Six(source + plane, stride: 6 * plane))
      let c2 = F.outputs(Six(source + 2 * plane, stride: 6 * plane))
      let c3 = F.outputs(Six(source + 3 * plane, stride: 6 * plane))
      let c4 = F.outputs(Six(source + 4 * plane, stride: 6 * plane))
      let c5 = F.outputs(Six(source + 5 * plane, stride: 6 * plane))
      F.write((c0, c1, c2, c3, c4, c5), to: sink)
      sink.c += Vector.scalarCount
    }
    place.advance()
  }
}

/// Where the outputs of one tile go; rows and columns outside the map are not stored.
struct OutputSink<E: OutputEpilogue> {
  let epilogue: E
  let target: UnsafeMutablePointer<Float>
  let row: Int
  let channels: Int
  let mask: Int
  let maskRow: Int
  let rows: Int
  let columns: Int
  var c = 0

  @inline(__always)
  func put(_ p: Int, _ q: Int, _ value: Vector) {
    guard q < columns else { return }
    let place = q * channels + c
    store(epilogue.apply(value, channel: c, mask: mask + p * maskRow + place), target + p * row + place)
  }

  @inline(__always)
  func put(_ p: Int, _ line: Two) {
    guard p < rows else { return }
    put(p, 0, line.v0)
    put(p, 1, line.v1)
  }

  @inline(__always)
  func put(_ p: Int, _ line: Four) {
    guard p < rows else { return }
    put(p, 0, line.v0)
    put(p, 1, line.v1)
    put(p, 2, line.v2)
    put(p, 3, line.v3)
  }
}

extension F4x4K3 {
  @inline(__always)
  static func write<E: OutputEpilogue>(_ c: (Four, Four, Four, Four, Four, Four), to sink: OutputSink<E>) {
    sink.put(0, outputs(Six(c.0.v0, c.1.v0, c.2.v0, c.3.v0, c.4.v0, c.5.v0)))
    sink.put(1, outputs(Six(c.0.v1, c.1.v1, c.2.v1, c.3.v1, c.4.v1, c.5.v1)))
    sink.put(2, outputs(Six(c.0.v2, c.1.v2, c.2.v2, c.3.v2, c.4.v2, c.5.v2)))
    sink.put(3, outputs(Six(c.0.v3, c.1.v3, c.2.v3, c.3.v3, c.4.v3, c.5.v3)))
  }
}

extension F2x2K5 {
  @inline(__always)
  static func write<E: OutputEpilogue>(_ c: (Two, Two, Two, Two, Two, Two), to sink: OutputSink<E>) {
    sink.put(0, outputs(Six(c.0.v0, c.1.v0, c.2.v0, c.3.v0, c.4.v0, c.5.v0)))
    sink.put(1, outputs(Six(c.0.v1, c.1.v1, c.2.v1, c.3.v1, c.4.v1, c.5.v1)))
  }
}
