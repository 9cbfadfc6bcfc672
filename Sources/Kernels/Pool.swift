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
          case .maxAll, .maxFirst: result = larger(larger(v00, v01), larger(v10, v11))
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
              let tolerance = Vector(repeating: 1e-8) + magnitude(o) * 1e-5
              d00 = zero.replacing(with: d00, where: magnitude(v00 - o) .<= tolerance)
              d01 = zero.replacing(with: d01, where: magnitude(v01 - o) .<= tolerance)
              d10 = zero.replacing(with: d10, where: magnitude(v10 - o) .<= tolerance)
              d11 = zero.replacing(with: d11, where: magnitude(v11 - o) .<= tolerance)
            case .maxFirst:
              let o: Vector = load(result + c)
              var left = g
              d00 = zero.replacing(with: left, where: v00 .== o)
              left = left.replacing(with: zero, where: v00 .== o)
              d01 = zero.replacing(with: left, where: v01 .== o)
              left = left.replacing(with: zero, where: v01 .== o)
              d10 = zero.replacing(with: left, where: v10 .== o)
              left = left.replacing(with: zero, where: v10 .== o)
              d11 = zero.replacing(with: left, where: v11 .== o)
            }
            if p.inputIsReLU {
              d00 = passed(d00, where: v00)
              d01 = passed(d01, where: v01)
              d10 = passed(d10, where: v10)
              d11 = passed(d11, where: v11)
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

@inline(__always)
private func larger(_ a: Vector, _ b: Vector) -> Vector { b.replacing(with: a, where: a .> b) }

@inline(__always)
private func magnitude(_ x: Vector) -> Vector { x.replacing(with: -x, where: x .< Vector(repeating: 0)) }
