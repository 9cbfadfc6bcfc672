import CProcessor
import KernelInterface

/// See `TileSum`. Lane blocks outermost, so that `b`'s panel of one block stays in cache over all rows.
func tileSum(_ s: TileSum) {
  assert(s.mistake == nil, s.mistake ?? "")
  if s.endsAtLimit { return endAtLimit(s, tileSum) }
  if s.outer == 1, s.middle == 1, s.inner > s.termsPerBlock, s.rows > tileRows, s.leavesRoom {
    if s.rowsAreTogether, s.lanes > 32 { tileSumByTerms(s) } else { tileSumInBlocks(s) }
  } else {
    var lane = 0
    while lane < s.lanes {
      let inBlock = lane & 31
      let block = lane >> 5
      let step = tileLanes(
        s, b: s.b + block * s.bBlock + inBlock, out: s.out + block * s.outBlock + inBlock, lane: lane)
      lane += step
    }
  }
}

// Patterns, because `==` on an enumeration of another module is a call through its witness.
extension TileSum {
  /// Whether the sums are stored as they are.
  @inline(__always) var storesSums: Bool {
    switch epilogue {
    case .store, .accumulate: true
    case .add, .bias, .biasReLU, .reluGradient: false
    }
  }

  /// Whether a ReLU with a limit comes last: tiles know the one without, which is nearly every one, and pay nothing for it.
  @inline(__always) var endsAtLimit: Bool {
    if relu.isUnlimited { return false }
    return switch epilogue {
    case .biasReLU, .reluGradient: true
    case .store, .accumulate, .add, .bias: false
    }
  }

  /// Whether partial sums may be stored where the results go.
  @inline(__always) fileprivate var leavesRoom: Bool {
    if case .add = epilogue { false } else { true }
  }

  /// Whether the rows' values of one term lie beside each other, those of the next one behind them: pixels with their channels.
  @inline(__always) fileprivate var rowsAreTogether: Bool {
    aInner >= rows && Int(aOffsets[rows - 1]) - Int(aOffsets[0]) == rows - 1
  }

  /// How the first of several parts ends.
  @inline(__always) private var firstPartsEpilogue: Epilogue {
    if case .accumulate = epilogue { .accumulate } else { .store }
  }

  /// The terms of one block from `first` on, of a sum with more than one block: partial sums are stored, and the next part goes on.
  @inline(__always) fileprivate func block(from first: Int) -> TileSum {
    var part = self
    part.inner = min(termsPerBlock, inner - first)
    part.a += first * aInner
    part.b += first * bInner
    part.epilogue = first == 0 ? firstPartsEpilogue : .accumulate
    if first > 0 { part.ahead = nil }
    return part
  }
}

/// The sums by `kernel`, stored as they are, then the epilogue over them: exactly what an epilogue in registers gives.
@inline(never)
func endAtLimit(_ s: TileSum, _ kernel: (TileSum) -> Void) {
  var sums = s
  sums.epilogue = .store
  kernel(sums)
  for lane in stride(from: 0, to: s.lanes, by: 32) {
    applyEpilogue(s, out: s.out + (lane >> 5) * s.outBlock, lane: lane, lanes: min(32, s.lanes - lane))
  }
}

/// One long sum per row, in blocks of `termsPerBlock` terms; partial sums are stored and loaded again, exactly.
private func tileSumInBlocks(_ s: TileSum) {
  var lane = 0
  while lane < s.lanes {
    let inBlock = lane & 31
    let block = lane >> 5
    let out = s.out + block * s.outBlock + inBlock
    var step = 0
    var first = 0
    while first < s.inner {
      let part = s.block(from: first)
      step = tileLanes(part, b: part.b + block * s.bBlock + inBlock, out: out, lane: lane)
      first += part.inner
    }
    if !s.storesSums { applyEpilogue(s, out: out, lane: lane, lanes: step) }
    lane += step
  }
}

/// The same over pixels with many channels on both sides, of which the lanes of one block do not use up what a line of cache
/// brings: some terms of all rows and lanes, then the next ones, which are prefetched meanwhile.
private func tileSumByTerms(_ s: TileSum) {
  var first = 0
  while first < s.inner {
    var part = s.block(from: first)
    let next = first + part.inner
    if part.ahead == nil, next < s.inner {
      // Of the side with more channels.
      let (values, step) = s.lanes > s.rows ? (s.b, s.bInner) : (s.a, s.aInner)
      part.ahead = values + next * step
      part.aheadFloats = min(s.termsPerBlock, s.inner - next) * step
    }
    var lane = 0
    while lane < s.lanes {
      let inBlock = lane & 31
      let block = lane >> 5
      let out = s.out + block * s.outBlock + inBlock
      let step = tileLanes(part, b: part.b + block * s.bBlock + inBlock, out: out, lane: lane)
      if next == s.inner, !s.storesSums { applyEpilogue(s, out: out, lane: lane, lanes: step) }
      lane += step
    }
    first = next
  }
}

/// All rows of the next one or two vectors of lanes; returns the number of lanes.
@inline(__always)
private func tileLanes(
  _ s: TileSum, b: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, lane: Int
) -> Int {
  if s.lanes - lane >= TwoVectors.lanes {
    tileRowsOfLanes(TwoVectors.self, s, b: b, out: out, lane: lane)
    return TwoVectors.lanes
  }
  tileRowsOfLanes(OneVector.self, s, b: b, out: out, lane: lane)
  return OneVector.lanes
}

/// All rows of one or two vectors of lanes.
@inline(__always)
private func tileRowsOfLanes<Lanes: LaneGroup>(
  _: Lanes.Type, _ s: TileSum, b: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, lane: Int
) {
  let fullTiles = s.rows / tileRows
  if fullTiles > 0 {
    let isProduct = s.outer == 1 && s.middle == 1 && s.aInner == 1 && s.bInner == 32
    let endsPanel = (lane + Lanes.lanes) & 31 == 0
    // The panel of the next terms, lanes or product follows in memory.
    let panel = MemoryAhead(next: b - (lane & 31) + 32 * s.inner, step: max(1, 32 / fullTiles))
    if var ahead = MemoryAhead(s, lane: lane, terms: fullTiles &* s.outer &* s.middle &* s.inner) {
      if isProduct, endsPanel {
        var ahead = BothAhead(first: panel, second: ahead)
        tiles(Lanes.self, s, count: fullTiles, prefetchesRows: true, b: b, out: out, lane: lane, ahead: &ahead)
      } else {
        tiles(Lanes.self, s, count: fullTiles, prefetchesRows: isProduct, b: b, out: out, lane: lane, ahead: &ahead)
      }
    } else if isProduct {
      if endsPanel {
        var ahead = panel
        tiles(Lanes.self, s, count: fullTiles, prefetchesRows: true, b: b, out: out, lane: lane, ahead: &ahead)
      } else {
        var ahead = NothingAhead()
        tiles(Lanes.self, s, count: fullTiles, prefetchesRows: true, b: b, out: out, lane: lane, ahead: &ahead)
      }
    } else if s.middle > 1, s.aInner == 1, s.rows > 1, Int(s.aOffsets[1]) - Int(s.aOffsets[0]) == s.inner {
      var ahead = RowsAhead(s.a)
      tiles(Lanes.self, s, count: fullTiles, prefetchesRows: false, b: b, out: out, lane: lane, ahead: &ahead)
    } else {
      var ahead = NothingAhead()
      tiles(Lanes.self, s, count: fullTiles, prefetchesRows: false, b: b, out: out, lane: lane, ahead: &ahead)
    }
  }
  let row = fullTiles * tileRows
  let rest = s.rows - row
  if rest > HalfTile.rows {
    lastTile(PartialTile.self, Lanes.self, s, row: row, count: rest, b: b, out: out, lane: lane)
  } else if rest > ThreeRowTile.rows {
    lastTile(HalfTile.self, Lanes.self, s, row: row, count: rest, b: b, out: out, lane: lane)
  } else if rest > 0 {
    lastTile(ThreeRowTile.self, Lanes.self, s, row: row, count: rest, b: b, out: out, lane: lane)
  }
}

@inline(never)
private func tiles<Lanes: LaneGroup, Next: Ahead>(
  _: Lanes.Type, _ s: TileSum, count: Int, prefetchesRows: Bool, b: UnsafePointer<Float>,
  out: UnsafeMutablePointer<Float>, lane: Int, ahead: inout Next
) {
  var row = 0
  // Into pixels with many channels: what a weight gradient writes is near.
  let isShort = s.lanes > 32 && s.outBlock == 32 && s.outer &* s.middle &* s.inner <= 64
  for _ in 0..<count {
    if prefetchesRows { prefetchRows(s, from: row + tileRows) }
    if isShort { prefetchTargets(Lanes.self, s, out: out, from: row + tileRows) }
    tile(FullTile.self, Lanes.self, s, row: row, count: tileRows, b: b, out: out, lane: lane, ahead: &ahead)
    row += tileRows
  }
}

@inline(never)
private func lastTile<Shape: TileShape, Lanes: LaneGroup>(
  _: Shape.Type, _: Lanes.Type, _ s: TileSum, row: Int, count: Int, b: UnsafePointer<Float>,
  out: UnsafeMutablePointer<Float>, lane: Int
) {
  var ahead = NothingAhead()
  tile(Shape.self, Lanes.self, s, row: row, count: count, b: b, out: out, lane: lane, ahead: &ahead)
}

/// Prefetches the first lines of the rows of the next tile; the processor's own prefetcher follows longer rows.
@inline(__always)
private func prefetchRows(_ s: TileSum, from row: Int) {
  guard row + tileRows <= s.rows else { return }
  let floats = s.aInner == 1 ? min(s.inner, 64) : 1
  for i in row..<row + tileRows { prefetch(s.a + Int(s.aOffsets[i]), floats: floats) }
}

/// Brings near what the next tile writes, where sums are so short that stores which miss the first cache would hold up those after
/// them.
@inline(__always)
private func prefetchTargets<Lanes: LaneGroup>(
  _: Lanes.Type, _ s: TileSum, out: UnsafeMutablePointer<Float>, from row: Int
) {
  guard row + tileRows <= s.rows else { return }
  for i in row..<row + tileRows {
    let target = out + Int(s.outOffsets[i])
    var lane = 0
    while lane < Lanes.lanes {
      lockstep_prefetch_write(target + lane)
      lane &+= 16
    }
  }
}

@inline(__always)
private func prefetch(_ pointer: UnsafePointer<Float>, floats: Int) {
  var i = 0
  while i < floats {
    lockstep_prefetch(pointer + i)
    i &+= 16
  }
}

/// The epilogue over sums that are already stored.
@inline(never)
private func applyEpilogue(_ s: TileSum, out: UnsafeMutablePointer<Float>, lane: Int, lanes: Int) {
  for row in 0..<s.rows {
    let target = out + Int(s.outOffsets[row])
    var l = 0
    while l < lanes {
      let sum: Vector = load(target + l)
      switch s.epilogue {
      case .store, .accumulate, .add:
        break
      case .bias:
        if let bias = s.bias { store(sum + load(bias + lane + l), target + l) }
      case .biasReLU:
        if let bias = s.bias {
          store((sum + load(bias + lane + l)).rectified(s.relu), target + l)
        }
      case .reluGradient:
        if let mask = s.mask, let offsets = s.maskOffsets {
          store(sum.passed(s.relu, load(mask + Int(offsets[row]) + lane + l)), target + l)
        }
      }
      l += Vector.scalarCount
    }
  }
}
