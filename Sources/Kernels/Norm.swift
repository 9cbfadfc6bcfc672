import CProcessor
import KernelInterface

// Maps are passed in the order of memory, and what is kept of a channel comes from the first-level cache for each pixel. Lane by
// lane over a row, where a channel's values lie far apart, the processor would prefetch nothing.

/// See `ProductSums`.
func productSums(_ s: ProductSums) {
  if !s.accumulates { s.sums.update(repeating: 0, count: 2 * s.extent.lanes) }
  if s.a.start == s.b.start, s.a.image == s.b.image, s.a.row == s.b.row { return productSumsByLane(s, isSquare: true) }
  let lanes = s.extent.lanes
  // Few sums, which each pixel stores, the next one would have to wait for.
  if lanes <= 32 { return productSumsByLane(s, isSquare: false) }
  forEachRow(s.extent) { n, i in
    var a = s.a.start + n * s.a.image + i * s.a.row
    var b = s.b.start + n * s.b.image + i * s.b.row
    for _ in 0..<s.extent.width {
      var lane = 0
      while lane < lanes {
        var sums = LaneProducts(s, lane)
        sums.add(a + lane, b + lane)
        sums.store(s, lane)
        lane &+= 16
      }
      a += lanes
      b += lanes
    }
  }
}

/// Each 16 lanes over a row, with their sums in registers: of few lanes, which are passed nearly in the order of memory, and of
/// squares. Those are of a map that has just been written and is in a cache; where that is a further one, the next row is prefetched
/// meanwhile.
@inline(__always)
private func productSumsByLane(_ s: ProductSums, isSquare: Bool) {
  let lanes = s.extent.lanes
  forEachRow(s.extent) { n, i in
    let (rowOfA, rowOfB) = (s.a.start + n * s.a.image + i * s.a.row, s.b.start + n * s.b.image + i * s.b.row)
    var ahead = rowOfA + s.a.row
    var lane = 0
    while lane < lanes {
      var sums = LaneProducts(s, lane)
      var (a, b) = (rowOfA + lane, rowOfB + lane)
      for _ in 0..<s.extent.width {
        if isSquare {
          lockstep_prefetch(ahead)
          sums.addSquare(a)
        } else {
          sums.add(a, b)
        }
        a += lanes
        b += lanes
        ahead += 16
      }
      sums.store(s, lane)
      lane &+= 16
    }
  }
}

/// Sums of 16 lanes and of their products.
private struct LaneProducts {
  var low: Double8
  var high: Double8
  var lowProduct: Double8
  var highProduct: Double8

  @inline(__always)
  init(_ s: ProductSums, _ lane: Int) {
    let (sums, products) = (s.sums + lane, s.sums + s.extent.lanes + lane)
    low = loadDoubles(sums)
    high = loadDoubles(sums + 8)
    lowProduct = loadDoubles(products)
    highProduct = loadDoubles(products + 8)
  }

  @inline(__always)
  func store(_ s: ProductSums, _ lane: Int) {
    let (sums, products) = (s.sums + lane, s.sums + s.extent.lanes + lane)
    storeDoubles(low, sums)
    storeDoubles(high, sums + 8)
    storeDoubles(lowProduct, products)
    storeDoubles(highProduct, products + 8)
  }

  @inline(__always)
  mutating func add(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>) {
    let (a0, a1) = (widened(a), widened(a + 8))
    low += a0
    high += a1
    lowProduct = lowProduct.addingProduct(a0, widened(b))
    highProduct = highProduct.addingProduct(a1, widened(b + 8))
  }

  /// Widens each value once.
  @inline(__always)
  mutating func addSquare(_ x: UnsafePointer<Float>) {
    let (x0, x1) = (widened(x), widened(x + 8))
    low += x0
    high += x1
    lowProduct = lowProduct.addingProduct(x0, x0)
    highProduct = highProduct.addingProduct(x1, x1)
  }
}

/// See `Normalization`.
func normalize(_ s: Normalization) {
  guard let relu = s.relu else { return normalize(s) { $0 } }
  if relu.isUnlimited {
    normalize(s) { $0.positivePart }
  } else {
    normalize(s) { $0.rectified(relu) }
  }
}

@inline(__always)
private func normalize(_ s: Normalization, _ end: (Vector) -> Vector) {
  let lanes = s.extent.lanes
  let (means, scales, shifts) = (s.channels, s.channels + lanes, s.channels + 2 * lanes)
  forEachRow(s.extent) { n, i in
    var x = s.x.start + n * s.x.image + i * s.x.row
    var out = s.out.start + n * s.out.image + i * s.out.row
    for _ in 0..<s.extent.width {
      var lane = 0
      while lane < lanes {
        let centered = vector(x + lane) - vector(means + lane)
        store(end(vector(shifts + lane).addingProduct(centered, vector(scales + lane))), out + lane)
        lane &+= Vector.scalarCount
      }
      x += lanes
      out += lanes
    }
  }
}

/// See `NormalizationGradient`.
func normalizeGradient(_ s: NormalizationGradient) {
  let lanes = s.extent.lanes
  let (means, a) = (s.channels, s.channels + lanes)
  let (b, c) = (s.channels + 2 * lanes, s.channels + 3 * lanes)
  forEachRow(s.extent) { n, i in
    var x = s.x.start + n * s.x.image + i * s.x.row
    var dout = s.dout.start + n * s.dout.image + i * s.dout.row
    var dx = s.dx.start + n * s.dx.image + i * s.dx.row
    for _ in 0..<s.extent.width {
      var lane = 0
      while lane < lanes {
        let centered = vector(x + lane) - vector(means + lane)
        let rest = vector(c + lane).addingProduct(centered, vector(b + lane))
        store(rest.addingProduct(vector(dout + lane), vector(a + lane)), dx + lane)
        lane &+= Vector.scalarCount
      }
      x += lanes
      dout += lanes
      dx += lanes
    }
  }
}

@inline(__always)
private func forEachRow(_ extent: NormExtent, _ body: (_ n: Int, _ i: Int) -> Void) {
  for n in 0..<extent.images {
    for i in 0..<extent.height { body(n, i) }
  }
}

@inline(__always)
private func vector(_ pointer: UnsafePointer<Float>) -> Vector { load(pointer) }

@inline(__always)
private func loadDoubles(_ pointer: UnsafePointer<Double>) -> Double8 {
  UnsafeRawPointer(pointer).loadUnaligned(as: Double8.self)
}

@inline(__always)
private func storeDoubles(_ value: Double8, _ pointer: UnsafeMutablePointer<Double>) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: Double8.self)
}
