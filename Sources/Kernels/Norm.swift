import KernelInterface

/// See `ProductSums`.
func productSums(_ s: ProductSums) {
  if s.a.start == s.b.start, s.a.image == s.b.image, s.a.row == s.b.row {
    productSums(s, isSquare: true)
  } else {
    productSums(s, isSquare: false)
  }
}

/// Eight sums of 8 lanes stay in registers over a row's pixels; of squares a factor is widened once.
@inline(__always)
private func productSums(_ s: ProductSums, isSquare: Bool) {
  let (extent, a, b) = (s.extent, s.a, s.b)
  for n in 0..<extent.images {
    let startsAtZero = n == 0 && !s.accumulates
    var lane = 0
    while lane < extent.lanes {
      let (sumPlace, productPlace) = (s.sums + lane, s.sums + extent.lanes + lane)
      var low = startsAtZero ? Double8(repeating: 0) : loadDoubles(sumPlace)
      var high = startsAtZero ? Double8(repeating: 0) : loadDoubles(sumPlace + 8)
      var lowProduct = startsAtZero ? Double8(repeating: 0) : loadDoubles(productPlace)
      var highProduct = startsAtZero ? Double8(repeating: 0) : loadDoubles(productPlace + 8)
      for i in 0..<extent.height {
        var x = a.start + n * a.image + i * a.row + lane
        var y = b.start + n * b.image + i * b.row + lane
        for _ in 0..<extent.width {
          let (x0, x1) = (widened(x), widened(x + 8))
          low += x0
          high += x1
          lowProduct = lowProduct.addingProduct(x0, isSquare ? x0 : widened(y))
          highProduct = highProduct.addingProduct(x1, isSquare ? x1 : widened(y + 8))
          x += extent.lanes
          y += extent.lanes
        }
      }
      storeDoubles(low, sumPlace)
      storeDoubles(high, sumPlace + 8)
      storeDoubles(lowProduct, productPlace)
      storeDoubles(highProduct, productPlace + 8)
      lane += 16
    }
  }
}

/// See `Normalization`.
func normalize(_ s: Normalization) {
  let lanes = s.extent.lanes
  forEachPixel(s.extent) { lane, n, i, width in
    let mean: Vector = load(s.channels + lane)
    let scale: Vector = load(s.channels + lanes + lane)
    let shift: Vector = load(s.channels + 2 * lanes + lane)
    var x = s.x.start + n * s.x.image + i * s.x.row + lane
    var out = s.out.start + n * s.out.image + i * s.out.row + lane
    for _ in 0..<width {
      let value = shift.addingProduct(load(x, as: Vector.self) - mean, scale)
      store(s.relu.map { value.rectified($0) } ?? value, out)
      x += lanes
      out += lanes
    }
  }
}

/// See `NormalizationGradient`.
func normalizeGradient(_ s: NormalizationGradient) {
  let lanes = s.extent.lanes
  forEachPixel(s.extent) { lane, n, i, width in
    let mean: Vector = load(s.channels + lane)
    let a: Vector = load(s.channels + lanes + lane)
    let b: Vector = load(s.channels + 2 * lanes + lane)
    let c: Vector = load(s.channels + 3 * lanes + lane)
    var x = s.x.start + n * s.x.image + i * s.x.row + lane
    var dout = s.dout.start + n * s.dout.image + i * s.dout.row + lane
    var dx = s.dx.start + n * s.dx.image + i * s.dx.row + lane
    for _ in 0..<width {
      let rest = c.addingProduct(load(x, as: Vector.self) - mean, b)
      store(rest.addingProduct(load(dout, as: Vector.self), a), dx)
      x += lanes
      dout += lanes
      dx += lanes
    }
  }
}

/// Calls `body` for each vector of lanes of each row of each image.
@inline(__always)
private func forEachPixel(_ extent: NormExtent, _ body: (_ lane: Int, _ n: Int, _ i: Int, _ width: Int) -> Void) {
  for n in 0..<extent.images {
    for i in 0..<extent.height {
      var lane = 0
      while lane < extent.lanes {
        body(lane, n, i, extent.width)
        lane += Vector.scalarCount
      }
    }
  }
}

@inline(__always)
private func loadDoubles(_ pointer: UnsafePointer<Double>) -> Double8 {
  UnsafeRawPointer(pointer).loadUnaligned(as: Double8.self)
}

@inline(__always)
private func storeDoubles(_ value: Double8, _ pointer: UnsafeMutablePointer<Double>) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: Double8.self)
}
