import KernelInterface

/// The kernels as plain loops in Float, in the order of summation that `KernelInterface` states; compared with `==`.
///
/// The twins named `Reference…` say what is computed, in Double; these say how it is rounded.
package enum NaiveKernels {
  package static func tileSum(_ s: TileSum) { sum(s, lanesOfA: false) }
  package static func laneSum(_ s: TileSum) { sum(s, lanesOfA: true) }

  private static func sum(_ s: TileSum, lanesOfA: Bool) {
    for lane in 0..<s.lanes {
      let b = s.b + lane / 32 * s.bBlock + lane % 32
      let out = s.out + lane / 32 * s.outBlock + lane % 32
      for row in 0..<s.rows {
        let a = s.a + Int(s.aOffsets[row]) + (lanesOfA ? lane : 0)
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
        case .biasReLU: target.pointee = rectified(sum + operand(s.bias)[lane], s.relu)
        case .reluGradient:
          let output = operand(s.mask)[Int(operand(s.maskOffsets)[row]) + lane]
          target.pointee = passes(output, s.relu) ? sum : 0
        }
      }
    }
  }

  package static func biasGradient(_ s: BiasGradientArguments) {
    for lane in 0..<s.lanes {
      var sum: Float = s.accumulates ? s.out[lane] : 0
      for n in 0..<s.images {
        for i in 0..<s.height {
          for j in 0..<s.width { sum += s.map[n * s.image + i * s.row + j * s.pixel + lane] }
        }
      }
      s.out[lane] = sum
    }
  }

  package static func relu(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ count: Int) {
    for i in 0..<count { out[i] = positivePart(x[i]) }
  }

  package static func reluGradient(
    _ x: UnsafePointer<Float>, _ dout: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    for i in 0..<count { dx[i] = x[i] > 0 ? dout[i] : 0 }
  }

  package static func sum(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ count: Int,
    _ relu: FusedReLU?
  ) {
    for i in 0..<count { out[i] = rectified(a[i] + b[i], relu) }
  }

  package static func add(_ from: UnsafePointer<Float>, _ into: UnsafeMutablePointer<Float>, _ count: Int) {
    for i in 0..<count { into[i] += from[i] }
  }

  package static func sgd(_ s: SGDArguments) {
    for i in 0..<s.count {
      let w = s.weights[i]
      let g = (s.sum[i] / s.m).addingProduct(s.decay, w)
      let v = g.addingProduct(s.momentum, s.velocity[i])
      s.velocity[i] = v
      s.weights[i] = w.addingProduct(-s.rate, s.nesterov ? g.addingProduct(s.momentum, v) : v)
    }
  }

  package static func adam(_ s: AdamArguments) {
    for i in 0..<s.count {
      let w = s.weights[i]
      let g = (s.sum[i] / s.m).addingProduct(s.decay, w)
      let a = s.first[i].addingProduct(s.firstShare, g - s.first[i])
      let b = (s.secondKept * s.second[i]).addingProduct(s.secondShare * g, g)
      s.first[i] = a
      s.second[i] = b
      let step = a / s.epsilon.addingProduct(s.scale, b.squareRoot())
      s.weights[i] = w.addingProduct(-s.shrink, w).addingProduct(-s.rate, step)
    }
  }

  package static func rmsprop(_ s: RMSPropArguments) {
    for i in 0..<s.count {
      let w = s.weights[i]
      let g = (s.sum[i] / s.m).addingProduct(s.decay, w)
      var variance = (s.kept * s.square[i]).addingProduct(s.share * g, g)
      s.square[i] = variance
      if let mean = s.mean {
        mean[i] = mean[i].addingProduct(s.share, g - mean[i])
        variance = positivePart(variance.addingProduct(-mean[i], mean[i]))
      }
      var step = g / (variance.squareRoot() + s.epsilon)
      if let velocity = s.velocity {
        step = step.addingProduct(s.momentum, velocity[i])
        velocity[i] = step
      }
      s.weights[i] = w.addingProduct(-s.rate, step)
    }
  }

  package static func blend(
    _ from: UnsafePointer<Float>, _ into: UnsafeMutablePointer<Float>, _ share: Float, _ count: Int
  ) {
    for i in 0..<count { into[i] = into[i].addingProduct(share, from[i] - into[i]) }
  }

  package static func squareSums(_ x: UnsafePointer<Float>, _ sums: UnsafeMutablePointer<Double>, _ count: Int) {
    for i in 0..<count / 32 {
      var lanes = [Double](repeating: 0, count: 8)
      for j in 0..<32 { lanes[j % 8] += Double(x[32 * i + j]) * Double(x[32 * i + j]) }
      sums[i] = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
    }
  }

  package static func scatterTransposed(_ t: TransposeArguments) {
    for unit in 0..<t.units {
      for n in 0..<t.examples {
        for lane in 0..<16 {
          let passes = t.mask.map { Self.passes($0[n * t.maskStride + 16 * unit + lane], t.relu) } ?? true
          t.target[n * t.targetStride + Int(t.unitOffsets[unit]) + lane] =
            passes ? t.source[(16 * unit + lane) * t.sourceStride + n] : 0
        }
      }
    }
  }

  private static func operand<T>(_ pointer: UnsafePointer<T>?) -> UnsafePointer<T> {
    guard let pointer else { fatalError("The epilogue needs an operand that was not set.") }
    return pointer
  }

  /// `max(x, 0)`, a NaN staying one.
  package static func positivePart(_ x: Float) -> Float { x > 0 || x.isNaN ? x : 0 }

  /// What a layer makes of its output `z`.
  package static func rectified(_ z: Float, _ relu: FusedReLU?) -> Float {
    relu.map { ReferenceClippedReLU.forward(z, limit: $0.limit) } ?? z
  }

  /// Whether the gradient of a layer's output passes.
  package static func passes(_ output: Float, _ relu: FusedReLU?) -> Bool {
    guard let relu else { return true }
    return output > 0 && (relu.limit == .infinity || output < relu.limit)
  }
}
