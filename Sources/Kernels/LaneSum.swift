import CProcessor
import KernelInterface

// Rows of a tile of lane sums: the taps of a 3×3 kernel, which are the rows of its weight gradient. Each term loads the
// lanes of every row and those of the weights: ten loads for nine products, near what two loads per cycle allow. With
// AVX-512 there are registers for two vectors of each, which shares the loops between them.
private let laneRows = 9
#if LOCKSTEP_AVX512
  private typealias WideLanes = TwoVectors
#else
  private typealias WideLanes = OneVector
#endif

// Pixels that are summed lane by lane before the next ones: in the second-level cache they take a part of a map's rows with all
// its channels, so that memory is passed nearly in its order. A multiple of `laneRows`.
private let pixelsPerPart = 72

/// See `KernelTable.laneSum`. Rows, or the terms of long sums, in parts; partial sums are stored and loaded again, exactly.
func laneSum(_ s: TileSum) {
  if s.rows > pixelsPerPart {
    var part = s
    for row in stride(from: 0, to: s.rows, by: pixelsPerPart) {
      part.rows = min(pixelsPerPart, s.rows - row)
      part.aOffsets = s.aOffsets + row
      part.outOffsets = s.outOffsets + row
      part.maskOffsets = s.maskOffsets.map { $0 + row }
      sumLanes(part)
    }
  } else if s.storesSums, s.outer * s.middle * s.inner > pixelsPerPart {
    sumTermsInParts(s)
  } else {
    sumLanes(s)
  }
}

/// Parts of one image, or several images of few pixels.
private func sumTermsInParts(_ s: TileSum) {
  let outer = max(1, pixelsPerPart / max(1, s.middle * s.inner))
  let middle = outer > 1 ? s.middle : max(1, pixelsPerPart / max(1, s.inner))
  var part = s
  for o in stride(from: 0, to: s.outer, by: outer) {
    part.outer = min(outer, s.outer - o)
    for m in stride(from: 0, to: s.middle, by: middle) {
      part.middle = min(middle, s.middle - m)
      part.a = s.a + o * s.aOuter + m * s.aMiddle
      part.b = s.b + o * s.bOuter + m * s.bMiddle
      sumLanes(part)
      part.epilogue = .accumulate
    }
  }
}

/// Lanes outermost, so that what neighbouring rows share is still in the first-level cache.
private func sumLanes(_ s: TileSum) {
  if s.outer == 1, s.middle == 3, s.inner == 3 { return sumNineTerms(s) }
  if s.endsAtLimit { return endAtLimit(s, sumLanes) }
  var lane = 0
  while lane < s.lanes {
    let inBlock = lane & 31
    let block = lane >> 5
    let (b, out) = (s.b + block * s.bBlock + inBlock, s.out + block * s.outBlock + inBlock)
    if s.lanes - lane >= WideLanes.lanes {
      laneRowsOfLanes(WideLanes.self, s, b: b, out: out, lane: lane)
      lane += WideLanes.lanes
    } else {
      laneRowsOfLanes(OneVector.self, s, b: b, out: out, lane: lane)
      lane += OneVector.lanes
    }
  }
}

/// Sums over the taps of a 3×3 kernel: its weights stay in registers, so that a product takes one load.
private func sumNineTerms(_ s: TileSum) {
  switch s.epilogue {
  case .store: sumNineTerms(s, Unchanged())
  case .accumulate: sumNineTerms(s, Unchanged(), continues: true)
  case .add: sumNineTerms(s, AddTarget(then: Unchanged()))
  case .bias: sumNineTerms(s, AddBias(bias: operand(s.bias)))
  case .biasReLU where s.relu.isUnlimited: sumNineTerms(s, AddBiasPositivePart(bias: operand(s.bias)))
  case .biasReLU: sumNineTerms(s, AddBiasReLU(bias: operand(s.bias), relu: s.relu))
  case .reluGradient where s.relu.isUnlimited: sumNineTerms(s, WherePositive(mask: operand(s.mask)))
  case .reluGradient: sumNineTerms(s, ReLUGradient(mask: operand(s.mask), relu: s.relu))
  }
}

/// - Parameter continues: whether sums start from what is there.
@inline(__always)
private func sumNineTerms(_ s: TileSum, _ epilogue: some OutputEpilogue, continues: Bool = false) {
  let (aMiddle, aInner) = (s.aMiddle, s.aInner)
  var lane = 0
  while lane < s.lanes {
    let inBlock = lane & 31
    let block = lane >> 5
    let (a, b, out) = (s.a + lane, s.b + block * s.bBlock + inBlock, s.out + block * s.outBlock + inBlock)
    @inline(__always) func weight(_ m: Int, _ i: Int) -> Vector { load(b + m * s.bMiddle + i * s.bInner) }
    let (w0, w1, w2) = (weight(0, 0), weight(0, 1), weight(0, 2))
    let (w3, w4, w5) = (weight(1, 0), weight(1, 1), weight(1, 2))
    let (w6, w7, w8) = (weight(2, 0), weight(2, 1), weight(2, 2))
    for row in 0..<s.rows {
      let x = a + Int(s.aOffsets[row])
      @inline(__always) func value(_ m: Int, _ i: Int) -> Vector { load(x + m &* aMiddle + i &* aInner) }
      let target = out + Int(s.outOffsets[row])
      var sum = continues ? load(UnsafePointer(target)) : Vector(repeating: 0)
      sum = sum.addingProduct(value(0, 0), w0).addingProduct(value(0, 1), w1).addingProduct(value(0, 2), w2)
      sum = sum.addingProduct(value(1, 0), w3).addingProduct(value(1, 1), w4).addingProduct(value(1, 2), w5)
      sum = sum.addingProduct(value(2, 0), w6).addingProduct(value(2, 1), w7).addingProduct(value(2, 2), w8)
      let mask = s.maskOffsets.map { Int($0[row]) + lane } ?? 0
      store(epilogue.apply(sum, channel: lane, mask: mask, target: target), target)
      // The same pixels' next lanes.
      lockstep_prefetch(x + 2 &* aMiddle + 2 &* aInner + Vector.scalarCount)
      lockstep_prefetch_write(target + Vector.scalarCount)
    }
    lane &+= Vector.scalarCount
  }
}

/// All rows of one or two vectors of lanes.
@inline(never)
private func laneRowsOfLanes<Lanes: LaneGroup>(
  _: Lanes.Type, _ s: TileSum, b: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, lane: Int
) {
  var row = 0
  while row + laneRows <= s.rows {
    laneTile(Lanes.self, isFull: true, s, row: row, count: laneRows, b: b, out: out, lane: lane)
    row += laneRows
  }
  if row < s.rows { lastLaneTile(Lanes.self, s, row: row, count: s.rows - row, b: b, out: out, lane: lane) }
}

@inline(never)
private func lastLaneTile<Lanes: LaneGroup>(
  _: Lanes.Type, _ s: TileSum, row: Int, count: Int, b: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>,
  lane: Int
) {
  laneTile(Lanes.self, isFull: false, s, row: row, count: count, b: b, out: out, lane: lane)
}

/// Computes `count` rows from `row` on, of the lanes at `b` and `out`; `lane` is the number of the first.
///
/// Rows of the tile past `count` repeat the last one and are not stored.
@inline(__always)
private func laneTile<Lanes: LaneGroup>(
  _: Lanes.Type, isFull: Bool, _ s: TileSum, row: Int, count: Int, b: UnsafePointer<Float>,
  out: UnsafeMutablePointer<Float>, lane: Int
) {
  let offsets = s.aOffsets + row
  let last = count - 1
  let a = s.a + lane
  @inline(__always) func start(_ i: Int) -> UnsafePointer<Float> { a + Int(offsets[isFull || i < last ? i : last]) }
  let (p0, p1, p2) = (start(0), start(1), start(2))
  let (p3, p4, p5) = (start(3), start(4), start(5))
  let (p6, p7, p8) = (start(6), start(7), start(8))
  let outOffsets = s.outOffsets + row
  @inline(__always) func before(_ i: Int) -> Lanes {
    Lanes(loading: out + Int(outOffsets[isFull || i < last ? i : last]))
  }
  var sums = LaneSums<Lanes>()
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
        let weights = Lanes(loading: w)
        sums.r0.addProducts(p0 + x, weights)
        sums.r1.addProducts(p1 + x, weights)
        sums.r2.addProducts(p2 + x, weights)
        sums.r3.addProducts(p3 + x, weights)
        sums.r4.addProducts(p4 + x, weights)
        sums.r5.addProducts(p5 + x, weights)
        sums.r6.addProducts(p6 + x, weights)
        sums.r7.addProducts(p7 + x, weights)
        sums.r8.addProducts(p8 + x, weights)
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
    finished.store(stored, out, outOffsets) { sums, i in Lanes(loading: out + Int(outOffsets[i])).adding(sums) }
  case .bias:
    let bias = Lanes(loading: operand(s.bias) + lane)
    finished.store(stored, out, outOffsets) { sums, _ in sums.adding(bias) }
  case .biasReLU:
    let bias = Lanes(loading: operand(s.bias) + lane)
    finished.store(stored, out, outOffsets) { sums, _ in sums.adding(bias).positivePart() }
  case .reluGradient:
    let mask = operand(s.mask) + lane
    let offsets = operand(s.maskOffsets) + row
    finished.store(stored, out, outOffsets) { sums, i in
      sums.passed(where: Lanes(loading: mask + Int(offsets[i])))
    }
  }
}

/// The sums of a tile's rows: named fields, which stay in registers.
private struct LaneSums<Lanes: LaneGroup> {
  var r0 = Lanes()
  var r1 = Lanes()
  var r2 = Lanes()
  var r3 = Lanes()
  var r4 = Lanes()
  var r5 = Lanes()
  var r6 = Lanes()
  var r7 = Lanes()
  var r8 = Lanes()

  /// Stores the first `count` rows at their offsets, each changed by `epilogue`.
  @inline(__always)
  func store(
    _ count: Int, _ out: UnsafeMutablePointer<Float>, _ offsets: UnsafePointer<Int32>,
    _ epilogue: (Lanes, Int) -> Lanes
  ) {
    @inline(__always) func put(_ i: Int, _ sums: Lanes) {
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
