import CProcessor
import KernelInterface

// Rows of a register tile. AVX-512 has 32 vector registers: 8 rows × 2 vectors of sums, 2 of weights, 1 broadcast.
// AVX2 has 16: 6 rows × 2 vectors, 2 of weights, 1 broadcast. Both need ≥ 8 independent sums to hide the 4 cycles of
// a multiply-add on two ports, and load less than two vectors per cycle.
#if LOCKSTEP_AVX512
  let tileRows = 8
#else
  let tileRows = 6
#endif

/// How many rows a register tile has room for, and whether all of them are stored. Types, so that each is specialised.
protocol TileShape {
  static var rows: Int { get }
  static var isFull: Bool { get }
}

enum FullTile: TileShape {
  @inline(__always) static var rows: Int { tileRows }
  @inline(__always) static var isFull: Bool { true }
}

/// For a remainder of more than half a tile.
enum PartialTile: TileShape {
  @inline(__always) static var rows: Int { tileRows }
  @inline(__always) static var isFull: Bool { false }
}

/// For a shorter remainder.
enum HalfTile: TileShape {
  @inline(__always) static var rows: Int { tileRows / 2 }
  @inline(__always) static var isFull: Bool { false }
}

/// For a remainder of at most three, as 27 taps leave after tiles of 8.
enum ThreeRowTile: TileShape {
  @inline(__always) static var rows: Int { 3 }
  @inline(__always) static var isFull: Bool { false }
}

/// Computes `count` rows from `row` on, of the lanes at `b` and `out`; `lane` is their number.
///
/// Rows of the tile past `count` repeat the last one and are not stored. With each term one line is prefetched at `ahead`,
/// which then moves on: requests all at once would hold up the loads after them.
@inline(__always)
func tile<Shape: TileShape, Lanes: LaneGroup, Next: Ahead>(
  _: Shape.Type, _: Lanes.Type, _ s: TileSum, row: Int, count: Int, b: UnsafePointer<Float>,
  out: UnsafeMutablePointer<Float>, lane: Int, ahead: inout Next
) {
  let size = Shape.rows
  let isFull = Shape.isFull
  let offsets = s.aOffsets + row
  let last = count - 1
  @inline(__always) func start(_ i: Int) -> UnsafePointer<Float> { s.a + Int(offsets[isFull || i < last ? i : last]) }
  var p0 = start(0)
  var p1 = start(1)
  var p2 = start(2)
  var p3 = size > 3 ? start(3) : p0
  var p4 = size > 4 ? start(4) : p0
  var p5 = size > 4 ? start(5) : p0
  let outOffsets = s.outOffsets + row
  @inline(__always) func target(_ i: Int) -> UnsafeMutablePointer<Float> {
    out + Int(outOffsets[isFull || i < last ? i : last])
  }
  var r0 = Lanes()
  var r1 = Lanes()
  var r2 = Lanes()
  var r3 = Lanes()
  var r4 = Lanes()
  var r5 = Lanes()
  #if LOCKSTEP_AVX512
    var p6 = size > 4 ? start(6) : p0
    var p7 = size > 4 ? start(7) : p0
    var r6 = Lanes()
    var r7 = Lanes()
  #endif
  if case .accumulate = s.epilogue {
    r0 = Lanes(loading: target(0))
    r1 = Lanes(loading: target(1))
    r2 = Lanes(loading: target(2))
    if size > 3 { r3 = Lanes(loading: target(3)) }
    if size > 4 {
      r4 = Lanes(loading: target(4))
      r5 = Lanes(loading: target(5))
      #if LOCKSTEP_AVX512
        r6 = Lanes(loading: target(6))
        r7 = Lanes(loading: target(7))
      #endif
    }
  }

  let inner = s.inner
  let middle = s.middle
  let aInner = s.aInner
  let bInner = s.bInner
  // What is left to go from the end of one middle (outer) row to the start of the next.
  let aMiddle = s.aMiddle
  let bMiddle = s.bMiddle - inner * bInner
  let aOuter = s.aOuter - middle * aMiddle
  let bOuter = s.bOuter - middle * s.bMiddle
  var w = b
  var next = ahead
  var o = s.outer
  while o > 0 {
    var m = middle
    while m > 0 {
      next.enterRow(followedBy: p0 + aMiddle)
      var i = inner
      var x = 0
      while i > 0 {
        let weights = Lanes(loading: w)
        next.request()
        r0.addProduct(p0[x], weights)
        r1.addProduct(p1[x], weights)
        r2.addProduct(p2[x], weights)
        if size > 3 { r3.addProduct(p3[x], weights) }
        if size > 4 {
          r4.addProduct(p4[x], weights)
          r5.addProduct(p5[x], weights)
          #if LOCKSTEP_AVX512
            r6.addProduct(p6[x], weights)
            r7.addProduct(p7[x], weights)
          #endif
        }
        w += bInner
        x &+= aInner
        i &-= 1
      }
      p0 += aMiddle
      p1 += aMiddle
      p2 += aMiddle
      if size > 3 { p3 += aMiddle }
      if size > 4 {
        p4 += aMiddle
        p5 += aMiddle
        #if LOCKSTEP_AVX512
          p6 += aMiddle
          p7 += aMiddle
        #endif
      }
      w += bMiddle
      m &-= 1
    }
    p0 += aOuter
    p1 += aOuter
    p2 += aOuter
    if size > 3 { p3 += aOuter }
    if size > 4 {
      p4 += aOuter
      p5 += aOuter
      #if LOCKSTEP_AVX512
        p6 += aOuter
        p7 += aOuter
      #endif
    }
    w += bOuter
    o &-= 1
  }

  ahead = next

  // Closures that captured the sums would keep them in memory.
  #if LOCKSTEP_AVX512
    let sums = TileSums(r0: r0, r1: r1, r2: r2, r3: r3, r4: r4, r5: r5, r6: r6, r7: r7)
  #else
    let sums = TileSums(r0: r0, r1: r1, r2: r2, r3: r3, r4: r4, r5: r5)
  #endif
  switch s.epilogue {
  case .store, .accumulate:
    sums.store(Shape.self, count, out, outOffsets) { sums, _ in sums }
  case .add:
    sums.store(Shape.self, count, out, outOffsets) { sums, i in Lanes(loading: out + Int(outOffsets[i])).adding(sums) }
  case .bias:
    let bias = Lanes(loading: operand(s.bias) + lane)
    sums.store(Shape.self, count, out, outOffsets) { sums, _ in sums.adding(bias) }
  case .biasReLU:
    let bias = Lanes(loading: operand(s.bias) + lane)
    sums.store(Shape.self, count, out, outOffsets) { sums, _ in sums.adding(bias).positivePart() }
  case .reluGradient:
    let mask = operand(s.mask) + lane
    let offsets = operand(s.maskOffsets) + row
    sums.store(Shape.self, count, out, outOffsets) { sums, i in
      sums.passed(where: Lanes(loading: mask + Int(offsets[i])))
    }
  }
}

/// The finished sums of a tile's rows.
private struct TileSums<Lanes: LaneGroup> {
  let r0: Lanes
  let r1: Lanes
  let r2: Lanes
  let r3: Lanes
  let r4: Lanes
  let r5: Lanes
  #if LOCKSTEP_AVX512
    let r6: Lanes
    let r7: Lanes
  #endif

  /// Stores the first `count` rows at their offsets, each changed by `epilogue`.
  @inline(__always)
  func store<Shape: TileShape>(
    _: Shape.Type, _ count: Int, _ out: UnsafeMutablePointer<Float>, _ offsets: UnsafePointer<Int32>,
    _ epilogue: (Lanes, Int) -> Lanes
  ) {
    @inline(__always) func put(_ i: Int, _ sums: Lanes) {
      if i < Shape.rows, Shape.isFull || i < count { epilogue(sums, i).store(to: out + Int(offsets[i])) }
    }
    put(0, r0)
    put(1, r1)
    put(2, r2)
    put(3, r3)
    put(4, r4)
    put(5, r5)
    #if LOCKSTEP_AVX512
      put(6, r6)
      put(7, r7)
    #endif
  }
}

@inline(__always)
func operand<T>(_ pointer: UnsafePointer<T>?) -> UnsafePointer<T> {
  guard let pointer else { missingOperand() }
  return pointer
}

@inline(never)
private func missingOperand() -> Never {
  fatalError("A tile sum's epilogue needs an operand (bias or mask) that its caller did not set.")
}

/// Memory that will be read soon.
protocol Ahead {
  /// A row of terms begins; the next starts at `a`.
  mutating func enterRow(followedBy a: UnsafePointer<Float>)
  /// Prefetches a part of it; called with every term.
  mutating func request()
}

/// `step` floats more of a panel, or of other memory, with every term.
struct MemoryAhead: Ahead {
  var next: UnsafePointer<Float>
  var step: Int

  @inline(__always)
  init(next: UnsafePointer<Float>, step: Int) {
    self.next = next
    self.step = step
  }

  /// The part of `TileSum.ahead` that belongs to the 32 lanes from `lane` on, over so many terms of all tiles.
  @inline(__always)
  init?(_ s: TileSum, lane: Int, terms: Int) {
    guard let memory = s.ahead, terms > 0 else { return nil }
    let blocks = (s.lanes &+ 31) >> 5
    let floats = (s.aheadFloats &+ blocks &- 1) / blocks
    next = memory + (lane >> 5) &* floats
    step = min(16, (floats &+ terms &- 1) / terms)
  }

  @inline(__always)
  mutating func enterRow(followedBy a: UnsafePointer<Float>) {}

  @inline(__always)
  mutating func request() {
    lockstep_prefetch_l2(next)
    next += step
  }
}

/// Two memories at a time.
struct BothAhead: Ahead {
  var first: MemoryAhead
  var second: MemoryAhead

  @inline(__always)
  mutating func enterRow(followedBy a: UnsafePointer<Float>) {}

  @inline(__always)
  mutating func request() {
    first.request()
    second.request()
  }
}

/// The next terms of all rows of the tile, which are contiguous: with every term as much of them as it reads itself.
struct RowsAhead: Ahead {
  private var next: UnsafePointer<Float>

  @inline(__always) init(_ a: UnsafePointer<Float>) { next = a }

  @inline(__always)
  mutating func enterRow(followedBy a: UnsafePointer<Float>) { next = a }

  @inline(__always)
  mutating func request() {
    lockstep_prefetch(next)
    next += tileRows
  }
}

/// Nothing to prefetch.
struct NothingAhead: Ahead {
  @inline(__always)
  mutating func enterRow(followedBy a: UnsafePointer<Float>) {}

  @inline(__always)
  mutating func request() {}
}
