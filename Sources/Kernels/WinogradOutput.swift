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
private protocol OutputEpilogue {
  func apply(_ value: Vector, channel c: Int, mask: Int) -> Vector
}

private struct Unchanged: OutputEpilogue {
  @inline(__always) func apply(_ value: Vector, channel c: Int, mask: Int) -> Vector { value }
}

private struct AddBias: OutputEpilogue {
  let bias: UnsafePointer<Float>
  @inline(__always) func apply(_ value: Vector, channel c: Int, mask: Int) -> Vector { value + load(bias + c) }
}

private struct AddBiasReLU: OutputEpilogue {
  let bias: UnsafePointer<Float>
  @inline(__always) func apply(_ value: Vector, channel c: Int, mask: Int) -> Vector {
    (value + load(bias + c)).positivePart
  }
}

private struct ReLUGradient: OutputEpilogue {
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
  let m = F.m
  let plane = t.plane
  let channels = t.channels
  let row = t.row
  let maskRow = t.maskRow
  forEachTile(t) { map, domain, n, i, j in
    let maskStart = n * t.maskImage + i * maskRow + j * channels
    let isWhole = i + m <= t.height && j + m <= t.width
    let rows = min(m, t.height - i)
    let columns = min(m, t.width - j)
    var c = 0
    while c < channels {
      let source = UnsafePointer(domain + c)
      let target = map + c
      @inline(__always) func column(_ q: Int) -> F.Outputs {
        F.outputs(Six(source + q * plane, stride: 6 * plane))
      }
      let sixColumns = (column(0), column(1), column(2), column(3), column(4), column(5))
      if isWhole {
        F.Outputs.rows(sixColumns) { p, six in
          F.outputs(six).forEach { q, value in
            store(
              epilogue.apply(value, channel: c, mask: maskStart + p * maskRow + q * channels + c),
              target + p * row + q * channels)
          }
        }
      } else {
        F.Outputs.rows(sixColumns) { p, six in
          F.outputs(six).forEach { q, value in
            guard p < rows, q < columns else { return }
            store(
              epilogue.apply(value, channel: c, mask: maskStart + p * maskRow + q * channels + c),
              target + p * row + q * channels)
          }
        }
      }
      c += Vector.scalarCount
    }
  }
}
