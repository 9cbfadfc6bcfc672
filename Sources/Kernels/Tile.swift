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

/// Computes `count` ≤ `tileRows` rows from `row` on, of the lanes at `b` and `out`; `lane` is their number.
///
/// Rows past `count` repeat the last one and are not stored; `isFull` says that there are none, as a constant. With each
/// term one line is asked for at `ahead`, which then moves on: requests in one go would hold up the loads behind them.
@inline(__always)
func tile<Lanes: LaneGroup>(
  _: Lanes.Type, _ s: TileSum, row: Int, count: Int, isFull: Bool, b: UnsafePointer<Float>,
  out: UnsafeMutablePointer<Float>, lane: Int, ahead: inout Ahead
) {
  let offsets = s.aOffsets + row
  let last = count - 1
  @inline(__always) func start(_ i: Int) -> UnsafePointer<Float> { s.a + Int(offsets[isFull || i < last ? i : last]) }
  var p0 = start(0)
  var p1 = start(1)
  var p2 = start(2)
  var p3 = start(3)
  var p4 = start(4)
  var p5 = start(5)
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
    var p6 = start(6)
    var p7 = start(7)
    var r6 = Lanes()
    var r7 = Lanes()
  #endif
  if s.epilogue == .accumulate {
    r0 = Lanes(loading: target(0))
    r1 = Lanes(loading: target(1))
    r2 = Lanes(loading: target(2))
    r3 = Lanes(loading: target(3))
    r4 = Lanes(loading: target(4))
    r5 = Lanes(loading: target(5))
    #if LOCKSTEP_AVX512
      r6 = Lanes(loading: target(6))
      r7 = Lanes(loading: target(7))
    #endif
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
  var o = s.outer
  while o > 0 {
    var m = middle
    while m > 0 {
      var i = inner
      var x = 0
      while i > 0 {
        let weights = Lanes(loading: w)
        ahead.request()
        r0.addProduct(p0[x], weights)
        r1.addProduct(p1[x], weights)
        r2.addProduct(p2[x], weights)
        r3.addProduct(p3[x], weights)
        r4.addProduct(p4[x], weights)
        r5.addProduct(p5[x], weights)
        #if LOCKSTEP_AVX512
          r6.addProduct(p6[x], weights)
          r7.addProduct(p7[x], weights)
        #endif
        w += bInner
        x &+= aInner
        i &-= 1
      }
      p0 += aMiddle
      p1 += aMiddle
      p2 += aMiddle
      p3 += aMiddle
      p4 += aMiddle
      p5 += aMiddle
      #if LOCKSTEP_AVX512
        p6 += aMiddle
        p7 += aMiddle
      #endif
      w += bMiddle
      m &-= 1
    }
    p0 += aOuter
    p1 += aOuter
    p2 += aOuter
    p3 += aOuter
    p4 += aOuter
    p5 += aOuter
    #if LOCKSTEP_AVX512
      p6 += aOuter
      p7 += aOuter
    #endif
    w += bOuter
    o &-= 1
  }

  if isFull, s.epilogue == .store || s.epilogue == .accumulate {
    r0.store(to: target(0))
    r1.store(to: target(1))
    r2.store(to: target(2))
    r3.store(to: target(3))
    r4.store(to: target(4))
    r5.store(to: target(5))
    #if LOCKSTEP_AVX512
      r6.store(to: target(6))
      r7.store(to: target(7))
    #endif
    return
  }
  finish(r0, s, row, target(0), lane)
  if isFull || count > 1 { finish(r1, s, row + 1, target(1), lane) }
  if isFull || count > 2 { finish(r2, s, row + 2, target(2), lane) }
  if isFull || count > 3 { finish(r3, s, row + 3, target(3), lane) }
  if isFull || count > 4 { finish(r4, s, row + 4, target(4), lane) }
  if isFull || count > 5 { finish(r5, s, row + 5, target(5), lane) }
  #if LOCKSTEP_AVX512
    if isFull || count > 6 { finish(r6, s, row + 6, target(6), lane) }
    if isFull || count > 7 { finish(r7, s, row + 7, target(7), lane) }
  #endif
}

/// Memory that will be read soon: `step` floats more of it with every term.
struct Ahead {
  var next: UnsafePointer<Float>
  var step: Int

  @inline(__always)
  mutating func request() {
    lockstep_prefetch_l2(next)
    next += step
  }
}

/// Stores one row's sums as the epilogue says.
@inline(__always)
private func finish<Lanes: LaneGroup>(
  _ sum: Lanes, _ s: TileSum, _ row: Int, _ target: UnsafeMutablePointer<Float>, _ lane: Int
) {
  switch s.epilogue {
  case .store, .accumulate:
    sum.store(to: target)
  case .bias:
    guard let bias = s.bias else { return missingOperand() }
    sum.adding(Lanes(loading: bias + lane)).store(to: target)
  case .biasReLU:
    guard let bias = s.bias else { return missingOperand() }
    sum.adding(Lanes(loading: bias + lane)).positivePart().store(to: target)
  case .reluGradient:
    guard let mask = s.mask, let offsets = s.maskOffsets else { return missingOperand() }
    sum.passed(where: Lanes(loading: mask + Int(offsets[row]) + lane)).store(to: target)
  }
}

@inline(never)
private func missingOperand() {
  fatalError("A tile sum's epilogue needs an operand (bias or mask) that its caller did not set.")
}
