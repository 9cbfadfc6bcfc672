import KernelInterface

/// `into = into + from`; `count` is a multiple of 16.
func add(_ from: UnsafePointer<Float>, _ into: UnsafeMutablePointer<Float>, _ count: Int) {
  assert(count >= 0 && count % 16 == 0, "An addition takes whole sixteens of floats, not \(count).")
  var i = 0
  while i < count {
    store(load(into + i, as: Vector.self) + load(from + i), into + i)
    i += Vector.scalarCount
  }
}

/// `out = a + b`, then a ReLU where wanted; `count` is a multiple of 16.
func sum(
  _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ count: Int,
  _ relu: FusedReLU?
) {
  var i = 0
  while i < count {
    let value = load(a + i, as: Vector.self) + load(b + i)
    store(relu.map { value.rectified($0) } ?? value, out + i)
    i += Vector.scalarCount
  }
}

/// See `BiasGradientArguments`.
func biasGradient(_ s: BiasGradientArguments) {
  assert(s.mistake == nil, s.mistake ?? "")
  var lane = 0
  while lane < s.lanes {
    var sum = s.accumulates ? load(s.out + lane, as: Vector.self) : Vector(repeating: 0)
    for n in 0..<s.images {
      for i in 0..<s.height {
        var pixel = s.map + n * s.image + i * s.row + lane
        for _ in 0..<s.width {
          sum += load(pixel)
          pixel += s.pixel
        }
      }
    }
    store(sum, s.out + lane)
    lane += Vector.scalarCount
  }
}
