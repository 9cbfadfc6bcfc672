import KernelInterface

/// The kernels as plain loops in Float, in the order of summation that `KernelInterface` states; compared with `==`.
///
/// The naive twins of ReferenceKernels say what is computed, in Double; these say how it is rounded.
enum NaiveKernels {
  static func tileSum(_ s: TileSum) {
    for lane in 0..<s.lanes {
      let b = s.b + lane / 32 * s.bBlock + lane % 32
      let out = s.out + lane / 32 * s.outBlock + lane % 32
      for row in 0..<s.rows {
        let a = s.a + Int(s.aOffsets[row])
        let target = out + Int(s.outOffsets[row])
        var sum: Float = s.epilogue == .accumulate ? target.pointee : 0
        for o in 0..<s.outer {
          for m in 0..<s.middle {
            for i in 0..<s.inner {
              sum = sum.addingProduct(
                a[o * s.aOuter + m * s.aMiddle + i * s.aInner], b[o * s.bOuter + m * s.bMiddle + i * s.bInner])
            }
          }
        }
        switch s.epilogue {
        case .store, .accumulate: target.pointee = sum
        case .add: target.pointee += sum
        case .bias: target.pointee = sum + operand(s.bias)[lane]
        case .biasReLU: target.pointee = positivePart(sum + operand(s.bias)[lane])
        case .reluGradient: target.pointee = operand(s.mask)[Int(operand(s.maskOffsets)[row]) + lane] > 0 ? sum : 0
        }
      }
    }
  }

  static func biasGradient(_ s: BiasGradientArguments) {
    for lane in 0..<s.lanes {
      var sum: Float = 0
      for n in 0..<s.images {
        for i in 0..<s.height {
          for j in 0..<s.width { sum += s.map[n * s.image + i * s.row + j * s.pixel + lane] }
        }
      }
      s.out[lane] = sum
    }
  }

  static func poolForward(
    _ kind: PoolKind, _ p: PoolArguments, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>
  ) {
    forEachPatch(p) { n, i, j, c in
      let v = patch(x, n * p.xImage + 2 * i * p.xRow + 2 * j * p.channels + c, row: p.xRow, pixel: p.channels)
      let result = kind == .average ? ((v[0] + v[1]) + (v[2] + v[3])) * 0.25 : maximum(v)
      out[n * p.outImage + i * p.outRow + j * p.channels + c] = result
    }
  }

  static func poolBackward(
    _ kind: PoolKind, _ p: PoolArguments, _ x: UnsafePointer<Float>, _ out: UnsafePointer<Float>,
    _ dout: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>
  ) {
    forEachPatch(p) { n, i, j, c in
      let v = patch(x, n * p.xImage + 2 * i * p.xRow + 2 * j * p.channels + c, row: p.xRow, pixel: p.channels)
      let o = out[n * p.outImage + i * p.outRow + j * p.channels + c]
      let g = dout[n * p.doutImage + i * p.doutRow + j * p.channels + c]
      let first = v.firstIndex(of: o)
      for k in 0..<4 {
        let isMarked =
          switch kind {
          case .average: true
          case .maxAll: v[k] == o || o.isFinite && abs(v[k] - o) <= 1e-8 + abs(o) * 1e-5
          case .maxFirst: k == first
          }
        let passes = isMarked && (!p.inputIsReLU || v[k] > 0)
        let target = n * p.dxImage + (2 * i + k / 2) * p.dxRow + (2 * j + k % 2) * p.channels + c
        dx[target] = passes ? (kind == .average ? g * 0.25 : g) : 0
      }
    }
  }

  static func sgd(_ s: SGDArguments) {
    for i in 0..<s.count {
      let w = s.weights[i]
      let g = (s.sum[i] / s.m).addingProduct(s.decay, w)
      let v = g.addingProduct(s.momentum, s.velocity[i])
      s.velocity[i] = v
      s.weights[i] = w.addingProduct(-s.rate, s.nesterov ? g.addingProduct(s.momentum, v) : v)
    }
  }

  static func scatterTransposed(_ t: TransposeArguments) {
    for unit in 0..<t.units {
      for n in 0..<t.examples {
        for lane in 0..<16 {
          let passes = t.mask.map { $0[n * t.maskStride + 16 * unit + lane] > 0 } ?? true
          t.target[n * t.targetStride + Int(t.unitOffsets[unit]) + lane] =
            passes ? t.source[(16 * unit + lane) * t.sourceStride + n] : 0
        }
      }
    }
  }

  private static func operand<T>(_ pointer: UnsafePointer<T>?) -> UnsafePointer<T> {
    guard let pointer else { fatalError("The epilogue needs an operand that the test did not set.") }
    return pointer
  }

  static func positivePart(_ x: Float) -> Float { x > 0 ? x : 0 }

  private static func forEachPatch(_ p: PoolArguments, _ body: (Int, Int, Int, Int) -> Void) {
    for n in 0..<p.images {
      for i in 0..<p.outHeight {
        for j in 0..<p.outWidth {
          for c in 0..<p.channels { body(n, i, j, c) }
        }
      }
    }
  }

  /// The largest value, a NaN where there is one.
  private static func maximum(_ values: [Float]) -> Float {
    values.first(where: \.isNaN) ?? values.reduce(-.infinity, max)
  }

  /// The four values of a patch, row-major.
  private static func patch(_ x: UnsafePointer<Float>, _ start: Int, row: Int, pixel: Int) -> [Float] {
    [x[start], x[start + pixel], x[start + row], x[start + row + pixel]]
  }
}
