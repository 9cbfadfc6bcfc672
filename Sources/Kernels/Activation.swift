import KernelInterface

/// `out = activation(x)`, which may be the same memory; `count` is a multiple of 16.
func activation(
  _ activation: Activation, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ count: Int
) {
  switch activation {
  case .relu: forEachVector(count) { i in store(load(x + i, as: Vector.self).positivePart, out + i) }
  case .clippedReLU(let limit):
    let relu = FusedReLU(limit: limit)
    forEachVector(count) { i in store(load(x + i, as: Vector.self).rectified(relu), out + i) }
  case .leakyReLU(let slope):
    let (slope, zero) = (Vector(repeating: slope), Vector(repeating: 0))
    forEachVector(count) { i in
      let value: Vector = load(x + i)
      store(value.replacing(with: slope * value, where: value .< zero), out + i)
    }
  case .gelu: forEachSixteen(count) { i in store(gelu(load(x + i)), out + i) }
  case .silu: forEachSixteen(count) { i in store(silu(load(x + i)), out + i) }
  }
}

/// `dx = dout · activation'(x)`; `count` is a multiple of 16.
func activationGradient(
  _ activation: Activation, _ x: UnsafePointer<Float>, _ dout: UnsafePointer<Float>,
  _ dx: UnsafeMutablePointer<Float>, _ count: Int
) {
  switch activation {
  case .relu:
    let relu = FusedReLU.unlimited
    forEachVector(count) { i in store(load(dout + i, as: Vector.self).passed(relu, load(x + i)), dx + i) }
  case .clippedReLU(let limit):
    let relu = FusedReLU(limit: limit)
    forEachVector(count) { i in store(load(dout + i, as: Vector.self).passed(relu, load(x + i)), dx + i) }
  case .leakyReLU(let slope):
    let (slope, zero) = (Vector(repeating: slope), Vector(repeating: 0))
    forEachVector(count) { i in
      let gradient: Vector = load(dout + i)
      store((slope * gradient).replacing(with: gradient, where: load(x + i) .> zero), dx + i)
    }
  case .gelu:
    forEachSixteen(count) { i in store(load(dout + i, as: Vector16.self) * geluSlope(load(x + i)), dx + i) }
  case .silu:
    forEachSixteen(count) { i in store(load(dout + i, as: Vector16.self) * siluSlope(load(x + i)), dx + i) }
  }
}

@inline(__always)
private func forEachVector(_ count: Int, _ body: (_ first: Int) -> Void) {
  assert(count >= 0 && count % 16 == 0, "An activation takes whole sixteens of floats, not \(count).")
  var i = 0
  while i < count {
    body(i)
    i += Vector.scalarCount
  }
}

@inline(__always)
private func forEachSixteen(_ count: Int, _ body: (_ first: Int) -> Void) {
  assert(count >= 0 && count % 16 == 0, "An activation takes whole sixteens of floats, not \(count).")
  var i = 0
  while i < count {
    body(i)
    i += 16
  }
}
