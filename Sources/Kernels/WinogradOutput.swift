import CProcessor
import KernelInterface

/// `Aᵀ·M·A` of every tile, with the epilogue, into the map's valid pixels.
func winogradOutput(_ t: WinogradTiles) {
  assert(t.mistake(writesMap: true) == nil, t.mistake(writesMap: true) ?? "")
  switch (t.epilogue, t.bias, t.mask) {
  case (.store, _, _): winogradGradientOutput(Unchanged(), t)
  case (.bias, let bias?, _): winogradOutput(AddBias(bias: bias), t)
  case (.biasReLU, let bias?, _) where t.relu.isUnlimited: winogradOutput(AddBiasPositivePart(bias: bias), t)
  case (.biasReLU, let bias?, _): winogradOutput(AddBiasReLU(bias: bias, relu: t.relu), t)
  case (.reluGradient, _, let mask?) where t.relu.isUnlimited: winogradGradientOutput(WherePositive(mask: mask), t)
  case (.reluGradient, _, let mask?): winogradGradientOutput(ReLUGradient(mask: mask, relu: t.relu), t)
  default: fatalError("A Winograd output's epilogue is unknown or lacks its operand (bias or mask).")
  }
}

@inline(__always)
private func winogradGradientOutput(_ epilogue: some OutputEpilogue, _ t: WinogradTiles) {
  if t.adds { winogradOutput(AddTarget(then: epilogue), t) } else { winogradOutput(epilogue, t) }
}

@inline(__always)
private func winogradOutput<E: OutputEpilogue>(_ epilogue: E, _ t: WinogradTiles) {
  switch t.size {
  case .f4k3: winogradOutput(F4K3.self, epilogue, t)
  case .f4k5: winogradOutput(F4K5.self, epilogue, t)
  }
}

@inline(never)
private func winogradOutput<F: WinogradAlgorithm, E: OutputEpilogue>(_: F.Type, _ epilogue: E, _ t: WinogradTiles) {
  var place = TilePlace(t)
  for _ in 0..<t.tiles {
    var sink = OutputSink(
      epilogue: epilogue, target: place.map, row: t.row, channels: t.channels,
      mask: place.image &* t.maskImage &+ place.i &* t.maskRow &+ place.j &* t.channels, maskRow: t.maskRow,
      rows: min(t.height - place.i, tileOutputs), columns: t.width - place.j)
    while sink.c < t.channels {
      sink.put(
        WinogradPatch(
          OutputLine<F>.self, UnsafePointer(place.domain + sink.c), row: F.points &* t.plane, column: t.plane))
      sink.c &+= Vector.scalarCount
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
  func put<F: WinogradAlgorithm>(_ outputs: WinogradPatch<OutputLine<F>>) {
    prefetch(4)
    prefetch(5)
    prefetch(6)
    prefetch(7)
    put(0, outputs.row(0))
    if rows > 1 { put(1, outputs.row(1)) }
    if rows > 2 { put(2, outputs.row(2)) }
    if rows > 3 { put(3, outputs.row(3)) }
  }

  /// Brings near a row of what the tile below will write; a map lies in memory, and stores that miss hold up those after them.
  @inline(__always)
  private func prefetch(_ p: Int) {
    prefetch(p, 0)
    prefetch(p, 1)
    prefetch(p, 2)
    prefetch(p, 3)
  }

  @inline(__always)
  private func prefetch(_ p: Int, _ q: Int) {
    let place = q &* channels &+ c
    lockstep_prefetch_write(target + p &* row + place)
    epilogue.prefetch(mask: mask &+ p &* maskRow &+ place)
  }

  @inline(__always)
  private func put(_ p: Int, _ line: Line) {
    put(p, 0, line.v0)
    if columns > 1 { put(p, 1, line.v1) }
    if columns > 2 { put(p, 2, line.v2) }
    if columns > 3 { put(p, 3, line.v3) }
  }

  @inline(__always)
  private func put(_ p: Int, _ q: Int, _ value: Vector) {
    let place = q &* channels &+ c
    let pixel = target + p &* row + place
    store(epilogue.apply(value, channel: c, mask: mask &+ p &* maskRow &+ place, target: pixel), pixel)
  }
}
