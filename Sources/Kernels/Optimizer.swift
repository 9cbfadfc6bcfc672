import KernelInterface

/// See `SGDArguments`.
func sgd(_ s: SGDArguments) {
  assert(s.mistake == nil, s.mistake ?? "")
  let m = Vector(repeating: s.m)
  let momentum = Vector(repeating: s.momentum)
  let decay = Vector(repeating: s.decay)
  let minusRate = Vector(repeating: -s.rate)
  var i = 0
  while i < s.count {
    let w: Vector = load(s.weights + i)
    let g = (load(s.sum + i, as: Vector.self) / m).addingProduct(decay, w)
    let v = g.addingProduct(momentum, load(s.velocity + i))
    store(v, s.velocity + i)
    let direction = s.nesterov ? g.addingProduct(momentum, v) : v
    store(w.addingProduct(minusRate, direction), s.weights + i)
    i += Vector.scalarCount
  }
}

/// See `AdamArguments`.
func adam(_ s: AdamArguments) {
  assert(s.mistake == nil, s.mistake ?? "")
  let m = Vector(repeating: s.m)
  let decay = Vector(repeating: s.decay)
  let minusShrink = Vector(repeating: -s.shrink)
  let minusRate = Vector(repeating: -s.rate)
  let firstShare = Vector(repeating: s.firstShare)
  let secondKept = Vector(repeating: s.secondKept)
  let secondShare = Vector(repeating: s.secondShare)
  let scale = Vector(repeating: s.scale)
  let epsilon = Vector(repeating: s.epsilon)
  var i = 0
  while i < s.count {
    let w: Vector = load(s.weights + i)
    let g = (load(s.sum + i, as: Vector.self) / m).addingProduct(decay, w)
    let first: Vector = load(s.first + i)
    let a = first.addingProduct(firstShare, g - first)
    let b = (secondKept * load(s.second + i, as: Vector.self)).addingProduct(secondShare * g, g)
    store(a, s.first + i)
    store(b, s.second + i)
    let step = a / epsilon.addingProduct(scale, b.squareRoot())
    store(w.addingProduct(minusShrink, w).addingProduct(minusRate, step), s.weights + i)
    i += Vector.scalarCount
  }
}

/// See `RMSPropArguments`.
func rmsprop(_ s: RMSPropArguments) {
  assert(s.mistake == nil, s.mistake ?? "")
  let m = Vector(repeating: s.m)
  let decay = Vector(repeating: s.decay)
  let minusRate = Vector(repeating: -s.rate)
  let momentum = Vector(repeating: s.momentum)
  let kept = Vector(repeating: s.kept)
  let share = Vector(repeating: s.share)
  let epsilon = Vector(repeating: s.epsilon)
  var i = 0
  while i < s.count {
    let w: Vector = load(s.weights + i)
    let g = (load(s.sum + i, as: Vector.self) / m).addingProduct(decay, w)
    var variance = (kept * load(s.square + i, as: Vector.self)).addingProduct(share * g, g)
    store(variance, s.square + i)
    if let means = s.mean {
      let old: Vector = load(means + i)
      let mean = old.addingProduct(share, g - old)
      store(mean, means + i)
      variance = variance.addingProduct(-mean, mean).positivePart
    }
    var step = g / (variance.squareRoot() + epsilon)
    if let velocity = s.velocity {
      step = step.addingProduct(momentum, load(velocity + i, as: Vector.self))
      store(step, velocity + i)
    }
    store(w.addingProduct(minusRate, step), s.weights + i)
    i += Vector.scalarCount
  }
}

/// See `KernelTable.blend`.
func blend(_ from: UnsafePointer<Float>, _ into: UnsafeMutablePointer<Float>, _ share: Float, _ count: Int) {
  assert(count >= 0 && count % 16 == 0, "A blend takes whole sixteens of floats, not \(count).")
  let share = Vector(repeating: share)
  var i = 0
  while i < count {
    let old: Vector = load(into + i)
    store(old.addingProduct(share, load(from + i, as: Vector.self) - old), into + i)
    i += Vector.scalarCount
  }
}

/// See `KernelTable.squareSums`.
func squareSums(_ x: UnsafePointer<Float>, _ sums: UnsafeMutablePointer<Double>, _ count: Int) {
  assert(count >= 0 && count % 32 == 0, "Squares are summed over whole blocks of 32 floats, not \(count).")
  for i in 0..<count / 32 {
    var lanes = Double8(repeating: 0)
    for j in 0..<4 {
      let values = widened(x + 32 * i + 8 * j)
      lanes = lanes.addingProduct(values, values)
    }
    let four = lanes.lowHalf + lanes.highHalf
    let two = four.lowHalf + four.highHalf
    sums[i] = two.x + two.y
  }
}
