import KernelInterface

// Rows of a tile of lane sums: the taps of a 3×3 kernel, which are the rows of its weight gradient. Each term loads a
// vector per row and one for all: ten loads for nine products, near what two loads per cycle allow.
private let laneRows = 9

/// See `KernelTable.laneSum`. Vectors of lanes outermost, so that what neighbouring rows share stays in the first-level
/// cache.
func laneSum(_ s: TileSum) {
  var lane = 0
  while lane < s.lanes {
    let inBlock = lane & 31
    let block = lane >> 5
    let (b, out) = (s.b + block * s.bBlock + inBlock, s.out + block * s.outBlock + inBlock)
    var row = 0
    while row + laneRows <= s.rows {
      laneTile(isFull: true, s, row: row, count: laneRows, b: b, out: out, lane: lane)
      row += laneRows
    }
    if row < s.rows { lastLaneTile(s, row: row, count: s.rows - row, b: b, out: out, lane: lane) }
    lane += Vector.scalarCount
  }
}

@inline(never)
private func lastLaneTile(
  _ s: TileSum, row: Int, count: Int, b: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, lane: Int
) {
  laneTile(isFull: false, s, row: row, count: count, b: b, out: out, lane: lane)
}

/// Computes `count` rows from `row` on, of the vector of lanes at `b` and `out`; `lane` is its number.
///
/// Rows of the tile past `count` repeat the last one and are not stored.
@inline(__always)
private func laneTile(
  isFull: Bool, _ s: TileSum, row: Int, count: Int, b: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, lane: Int
) {
  let offsets = s.aOffsets + row
  let last = count - 1
  let a = s.a + lane
  @inline(__always) func start(_ i: Int) -> UnsafePointer<Float> { a + Int(offsets[isFull || i < last ? i : last]) }
  let (p0, p1, p2) = (start(0), start(1), start(2))
  let (p3, p4, p5) = (start(3), start(4), start(5))
  let (p6, p7, p8) = (start(6), start(7), start(8))
  let outOffsets = s.outOffsets + row
  @inline(__always) func before(_ i: Int) -> OneVector {
    OneVector(loading: out + Int(outOffsets[isFull || i < last ? i : last]))
  }
  var sums = LaneSums()
  if case .accumulate = s.epilogue {
    sums = LaneSums(
      r0: before(0), r1: before(1), r2: before(2), r3: before(3), r4: before(4), r5: before(5), r6: before(6),
      r7: before(7), r8: before(8))
  }
  let (aInner, bInner) = (s.aInner, s.bInner)
  // What is left to go from the end of one middle (outer) row to the start of the next.
  let (aMiddle, bMiddle) = (s.aMiddle - s.inner * aInner, s.bMiddle - s.inner * bInner)
  let (aOuter, bOuter) = (s.aOuter - s.middle * s.aMiddle, s.bOuter - s.middle * s.bMiddle)
  var w = b
  var x = 0
  var o = s.outer
  while o > 0 {
    var m = s.middle
    while m > 0 {
      var i = s.inner
      while i > 0 {
        let weights: Vector = load(w)
        sums.r0.v = sums.r0.v.addingProduct(load(p0 + x), weights)
        sums.r1.v = sums.r1.v.addingProduct(load(p1 + x), weights)
        sums.r2.v = sums.r2.v.addingProduct(load(p2 + x), weights)
        sums.r3.v = sums.r3.v.addingProduct(load(p3 + x), weights)
        sums.r4.v = sums.r4.v.addingProduct(load(p4 + x), weights)
        sums.r5.v = sums.r5.v.addingProduct(load(p5 + x), weights)
        sums.r6.v = sums.r6.v.addingProduct(load(p6 + x), weights)
        sums.r7.v = sums.r7.v.addingProduct(load(p7 + x), weights)
        sums.r8.v = sums.r8.v.addingProduct(load(p8 + x), weights)
        w += bInner
        x &+= aInner
        i &-= 1
      }
      w += bMiddle
      x &+= aMiddle
      m &-= 1
    }
    w += bOuter
    x &+= aOuter
    o &-= 1
  }
  // Closures that captured a variable would keep the sums in memory.
  let finished = sums
  let stored = isFull ? laneRows : count
  switch s.epilogue {
  case .store, .accumulate:
    finished.store(stored, out, outOffsets) { sums, _ in sums }
  case .add:
    finished.store(stored, out, outOffsets) { sums, i in OneVector(loading: out + Int(outOffsets[i])).adding(sums) }
  case .bias:
    let bias = OneVector(loading: operand(s.bias) + lane)
    finished.store(stored, out, outOffsets) { sums, _ in sums.adding(bias) }
  case .biasReLU:
    let bias = OneVector(loading: operand(s.bias) + lane)
    finished.store(stored, out, outOffsets) { sums, _ in sums.adding(bias).positivePart() }
  case .reluGradient:
    let mask = operand(s.mask) + lane
    let offsets = operand(s.maskOffsets) + row
    finished.store(stored, out, outOffsets) { sums, i in
      sums.passed(where: OneVector(loading: mask + Int(offsets[i])))
    }
  }
}

/// The sums of a tile's rows: named fields, which stay in registers.
private struct LaneSums {
  var r0 = OneVector()
  var r1 = OneVector()
  var r2 = OneVector()
  var r3 = OneVector()
  var r4 = OneVector()
  var r5 = OneVector()
  var r6 = OneVector()
  var r7 = OneVector()
  var r8 = OneVector()

  /// Stores the first `count` rows at their offsets, each changed by `epilogue`.
  @inline(__always)
  func store(
    _ count: Int, _ out: UnsafeMutablePointer<Float>, _ offsets: UnsafePointer<Int32>,
    _ epilogue: (OneVector, Int) -> OneVector
  ) {
    @inline(__always) func put(_ i: Int, _ sums: OneVector) {
      if i < count { epilogue(sums, i).store(to: out + Int(offsets[i])) }
    }
    put(0, r0)
    put(1, r1)
    put(2, r2)
    put(3, r3)
    put(4, r4)
    put(5, r5)
    put(6, r6)
    put(7, r7)
    put(8, r8)
  }
}
