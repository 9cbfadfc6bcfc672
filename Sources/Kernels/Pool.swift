import KernelInterface

/// 2×2 pooling, forward: maximum, or mean `((a + b) + (c + d)) · 0.25` of the patch in row-major order; a NaN stays one.
///
/// If `mask` is given, it receives which elements of each patch get the gradient, see `PoolArguments`.
func poolForward(
  _ kind: PoolKind, _ p: PoolArguments, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
  _ mask: UnsafeMutablePointer<Int32>?
) {
  assert(p.mistake(isBackward: false) == nil, p.mistake(isBackward: false) ?? "")
  switch kind {
  case .maxAll: poolForward(MaxAll.self, p, x, out, mask)
  case .maxFirst: poolForward(MaxFirst.self, p, x, out, mask)
  case .average: poolForward(Average.self, p, x, out, mask)
  }
}

/// 2×2 pooling, backward: `dx = mask ⊙ repeat2x2(dout)`, a quarter of it for the mean.
func poolBackward(
  _ kind: PoolKind, _ p: PoolArguments, _ mask: UnsafePointer<Int32>, _ dout: UnsafePointer<Float>,
  _ dx: UnsafeMutablePointer<Float>
) {
  assert(p.mistake(isBackward: true) == nil, p.mistake(isBackward: true) ?? "")
  switch kind {
  case .maxAll, .maxFirst: poolBackward(scale: 1, p, mask, dout, dx)
  case .average: poolBackward(scale: 0.25, p, mask, dout, dx)
  }
}

/// The four values of one patch, row-major.
private struct Patch {
  var v0: Vector
  var v1: Vector
  var v2: Vector
  var v3: Vector

  @inline(__always)
  init(_ top: UnsafePointer<Float>, _ bottom: UnsafePointer<Float>, pixel: Int) {
    v0 = load(top)
    v1 = load(top + pixel)
    v2 = load(bottom)
    v3 = load(bottom + pixel)
  }

  /// All ones where one of the four is a NaN.
  @inline(__always)
  var whereNaN: VectorBits { v0.whereUnordered(v1) | v2.whereUnordered(v3) }

  /// The largest value; a NaN where one of the four is.
  @inline(__always)
  var maximum: Vector { v0.larger(v1).larger(v2.larger(v3)).madeNaN(where: whereNaN) }

  /// Bit q where `condition` of value q is all ones.
  @inline(__always)
  func word(_ condition: (Vector) -> VectorBits) -> VectorBits {
    (condition(v0) & 1) | (condition(v1) & 2) | (condition(v2) & 4) | (condition(v3) & 8)
  }
}

private protocol PoolRule {
  static func result(_ patch: Patch) -> Vector
  /// The mask of one result in its lowest four bits.
  static func mask(_ patch: Patch, _ result: Vector) -> VectorBits
}

/// The post's mask: 1 where `|x − out| ≤ 1e-8 + 1e-5·|out|` (NumPy's `isclose`, evaluated in Float as NumPy does): an
/// infinity is close only to itself, a NaN to nothing.
private enum MaxAll: PoolRule {
  @inline(__always) static func result(_ patch: Patch) -> Vector { patch.maximum }

  @inline(__always)
  static func mask(_ patch: Patch, _ result: Vector) -> VectorBits {
    let tolerance = Vector(repeating: 1e-8) + result.magnitude * 1e-5
    return patch.word { (tolerance - ($0 - result).magnitude).whereNotNegative } & ~patch.whereNaN
  }
}

/// The first element in row-major order that equals the maximum; none does if that is a NaN.
private enum MaxFirst: PoolRule {
  @inline(__always) static func result(_ patch: Patch) -> Vector { patch.maximum }

  @inline(__always)
  static func mask(_ patch: Patch, _ result: Vector) -> VectorBits {
    let equal = patch.word { $0.whereEqual(result) }
    // The lowest set bit.
    return equal & (0 &- equal)
  }
}

private enum Average: PoolRule {
  @inline(__always) static func result(_ patch: Patch) -> Vector {
    ((patch.v0 + patch.v1) + (patch.v2 + patch.v3)) * 0.25
  }

  @inline(__always) static func mask(_ patch: Patch, _ result: Vector) -> VectorBits { VectorBits(repeating: 15) }
}

@inline(__always)
private func poolForward<Rule: PoolRule>(
  _: Rule.Type, _ p: PoolArguments, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
  _ mask: UnsafeMutablePointer<Int32>?
) {
  if let mask {
    if let relu = p.inputReLU, relu.isUnlimited {
      forEachResult(p, x, out, mask) {
        Rule.result($0)
      } word: {
        Rule.mask($0, $1) & $0.word { $0.wherePositive }
      }
    } else if let relu = p.inputReLU {
      forEachResult(p, x, out, mask) {
        Rule.result($0)
      } word: {
        Rule.mask($0, $1) & $0.word { $0.wherePassed(relu) }
      }
    } else {
      forEachResult(p, x, out, mask) {
        Rule.result($0)
      } word: {
        Rule.mask($0, $1)
      }
    }
  } else {
    forEachResult(p, x, out, nil) {
      Rule.result($0)
    } word: { _, _ in
      VectorBits(repeating: 0)
    }
  }
}

/// Walks all patches; `word` gives the mask's four bits of one result.
@inline(__always)
private func forEachResult(
  _ p: PoolArguments, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
  _ mask: UnsafeMutablePointer<Int32>?, result: (Patch) -> Vector, word: (Patch, Vector) -> VectorBits
) {
  let channels = p.channels
  for n in 0..<p.images {
    for i in 0..<p.outHeight {
      var top = x + n * p.xImage + 2 * i * p.xRow
      var target = out + n * p.outImage + i * p.outRow
      let maskRow = mask.map { $0 + n * p.maskImage + i * p.maskRow }
      for j in 0..<p.outWidth {
        let shift = VectorBits(repeating: Int32(truncatingIfNeeded: 4 &* (j & 7)))
        var c = 0
        while c < channels {
          let patch = Patch(top + c, top + p.xRow + c, pixel: channels)
          let value = result(patch)
          store(value, target + c)
          if let maskRow {
            let place = maskRow + (j >> 3) * channels + c
            let before = j & 7 == 0 ? VectorBits(repeating: 0) : loadBits(place)
            storeBits(before | word(patch, value) &<< shift, place)
          }
          c &+= Vector.scalarCount
        }
        top += 2 * channels
        target += channels
      }
    }
  }
}

@inline(__always)
private func poolBackward(
  scale: Float, _ p: PoolArguments, _ mask: UnsafePointer<Int32>, _ dout: UnsafePointer<Float>,
  _ dx: UnsafeMutablePointer<Float>
) {
  let channels = p.channels
  for n in 0..<p.images {
    for i in 0..<p.outHeight {
      var top = dx + n * p.dxImage + 2 * i * p.dxRow
      var gradient = dout + n * p.doutImage + i * p.doutRow
      let maskRow = mask + n * p.maskImage + i * p.maskRow
      for j in 0..<p.outWidth {
        // Shifts that bring the bit of element 0 to the sign; those of the others follow.
        let shift = VectorBits(repeating: Int32(truncatingIfNeeded: 31 &- 4 &* (j & 7)))
        let bottom = top + p.dxRow
        var c = 0
        while c < channels {
          let word = loadBits(maskRow + (j >> 3) * channels + c)
          let g = load(gradient + c, as: Vector.self) * scale
          store(g.kept(whereSign: word &<< shift), top + c)
          store(g.kept(whereSign: word &<< (shift &- 1)), top + channels + c)
          store(g.kept(whereSign: word &<< (shift &- 2)), bottom + c)
          store(g.kept(whereSign: word &<< (shift &- 3)), bottom + channels + c)
          c &+= Vector.scalarCount
        }
        top += 2 * channels
        gradient += channels
      }
    }
  }
}
