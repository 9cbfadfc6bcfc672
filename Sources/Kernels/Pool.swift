import KernelInterface

/// 2×2 pooling, forward: maximum, or mean `((a + b) + (c + d)) · 0.25` of the patch in row-major order.
func poolForward(
  _ kind: PoolKind, _ p: PoolArguments, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>
) {
  let channels = p.channels
  for n in 0..<p.images {
    for i in 0..<p.outHeight {
      var top = x + n * p.xImage + 2 * i * p.xRow
      var target = out + n * p.outImage + i * p.outRow
      for _ in 0..<p.outWidth {
        let bottom = top + p.xRow
        var c = 0
        while c < channels {
          let v00: Vector = load(top + c)
          let v01: Vector = load(top + channels + c)
          let v10: Vector = load(bottom + c)
          let v11: Vector = load(bottom + channels + c)
          let result: Vector
          switch kind {
          case .average: result = ((v00 + v01) + (v10 + v11)) * 0.25
          case .maxAll, .maxFirst: result = v00.larger(v01).larger(v10.larger(v11))
          }
          store(result, target + c)
          c += Vector.scalarCount
        }
        top += 2 * channels
        target += channels
      }
    }
  }
}

/// 2×2 pooling, backward: `dx = mask ⊙ repeat2x2(dout)`, further masked by `x > 0` where the input is a ReLU's output.
///
/// `maxAll`: mask = 1 where `|x − out| ≤ 1e-8 + 1e-5·|out|` (NumPy's `isclose`, evaluated in Float as NumPy does);
/// `maxFirst`: the first element in row-major order that equals `out`; `average`: 0.25 everywhere.
func poolBackward(
  _ kind: PoolKind, _ p: PoolArguments, _ x: UnsafePointer<Float>, _ out: UnsafePointer<Float>,
  _ dout: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>
) {
  let channels = p.channels
  let zero = Vector(repeating: 0)
  for n in 0..<p.images {
    for i in 0..<p.outHeight {
      var top = x + n * p.xImage + 2 * i * p.xRow
      var dTop = dx + n * p.dxImage + 2 * i * p.dxRow
      var result = out + n * p.outImage + i * p.outRow
      var gradient = dout + n * p.doutImage + i * p.doutRow
      for _ in 0..<p.outWidth {
        let bottom = top + p.xRow
        let dBottom = dTop + p.dxRow
        var c = 0
        while c < channels {
          let g: Vector = load(gradient + c)
          var d00 = g
          var d01 = g
          var d10 = g
          var d11 = g
          if kind == .average {
            d00 = g * 0.25
            d01 = d00
            d10 = d00
            d11 = d00
          }
          if kind != .average || p.inputIsReLU {
            let v00: Vector = load(top + c)
            let v01: Vector = load(top + channels + c)
            let v10: Vector = load(bottom + c)
            let v11: Vector = load(bottom + channels + c)
            switch kind {
            case .average:
              break
            case .maxAll:
              let o: Vector = load(result + c)
              let tolerance = Vector(repeating: 1e-8) + o.magnitude * 1e-5
              d00 = d00.kept(whereNotNegative: tolerance - (v00 - o).magnitude, else: zero)
              d01 = d01.kept(whereNotNegative: tolerance - (v01 - o).magnitude, else: zero)
              d10 = d10.kept(whereNotNegative: tolerance - (v10 - o).magnitude, else: zero)
              d11 = d11.kept(whereNotNegative: tolerance - (v11 - o).magnitude, else: zero)
            case .maxFirst:
              let o: Vector = load(result + c)
              var left = g
              d00 = left.kept(whereZero: v00 - o, else: zero)
              left = zero.kept(whereZero: v00 - o, else: left)
              d01 = left.kept(whereZero: v01 - o, else: zero)
              left = zero.kept(whereZero: v01 - o, else: left)
              d10 = left.kept(whereZero: v10 - o, else: zero)
              left = zero.kept(whereZero: v10 - o, else: left)
              d11 = left.kept(whereZero: v11 - o, else: zero)
            }
            if p.inputIsReLU {
              d00 = d00.kept(where: v00)
              d01 = d01.kept(where: v01)
              d10 = d10.kept(where: v10)
              d11 = d11.kept(where: v11)
            }
          }
          store(d00, dTop + c)
          store(d01, dTop + channels + c)
          store(d10, dBottom + c)
          store(d11, dBottom + channels + c)
          c += Vector.scalarCount
        }
        top += 2 * channels
        dTop += 2 * channels
        result += channels
        gradient += channels
      }
    }
  }
}
