import CProcessor
import KernelInterface

// Terms of a sum that are taken at a time: 128 terms × 32 lanes × 4 bytes = 16 KiB of `b` stay in a 32 or 48 KiB
// first-level cache, beside the rows that pass. Partial sums are stored and loaded again, exactly.
private let termsPerBlock = 128

/// See `TileSum`. Lane blocks outermost, so that `b`'s panel of one block stays in cache while the rows pass.
func tileSum(_ s: TileSum) {
  if s.outer == 1, s.middle == 1, s.inner > termsPerBlock, s.rows > tileRows {
    tileSumInBlocks(s)
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

/// One long sum per row, in blocks of `termsPerBlock` terms.
private func tileSumInBlocks(_ s: TileSum) {
  var lane = 0
  while lane < s.lanes {
    let inBlock = lane & 31
    let block = lane >> 5
    var step = 0
    var first = 0
    while first < s.inner {
      var part = s
      part.inner = min(termsPerBlock, s.inner - first)
      part.a = s.a + first * s.aInner
      let isLast = first + part.inner == s.inner
      if first > 0 || !isLast {
        part.epilogue = first == 0 && s.epilogue != .accumulate ? .store : .accumulate
      }
      let out = s.out + block * s.outBlock + inBlock
      step = tileLanes(
        part, b: s.b + block * s.bBlock + inBlock + first * s.bInner, out: out, lane: lane)
      first += part.inner
    }
    if s.epilogue != .store, s.epilogue != .accumulate {
      applyEpilogue(s, out: s.out + block * s.outBlock + inBlock, lane: lane, lanes: step)
    }
    lane += step
  }
}

/// All rows of the next one or two vectors of lanes; answers how many lanes that were.
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

@inline(never)
private func tileRowsOfLanes<Lanes: LaneGroup>(
  _: Lanes.Type, _ s: TileSum, b: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, lane: Int
) {
  // Where the terms are one row, the panel of the next terms, lanes or product follows in memory.
  let fullTiles = s.rows / tileRows
  let isSimple = s.outer == 1 && s.middle == 1 && s.bInner == 32
  let isLastOfPanel = (lane + Lanes.lanes) & 31 == 0
  var ahead = Ahead(next: b, step: 0)
  if isSimple, isLastOfPanel, fullTiles > 0 {
    ahead = Ahead(next: b - (lane & 31) + 32 * s.inner, step: max(1, 32 / fullTiles))
  }
  var row = 0
  while row + tileRows <= s.rows {
    if isSimple { prefetchRows(s, from: row + tileRows) }
    tile(
      Lanes.self, s, row: row, count: tileRows, isFull: true, b: b, out: out, lane: lane, ahead: &ahead)
    row += tileRows
  }
  if row < s.rows {
    tile(
      Lanes.self, s, row: row, count: s.rows - row, isFull: false, b: b, out: out, lane: lane, ahead: &ahead)
  }
}

/// Asks for the first lines of the rows of the next tile; the processor's own prefetcher follows a row that is longer.
@inline(__always)
private func prefetchRows(_ s: TileSum, from row: Int) {
  guard row + tileRows <= s.rows else { return }
  let floats = s.aInner == 1 ? min(s.inner, 64) : 1
  for i in row..<row + tileRows { prefetch(s.a + Int(s.aOffsets[i]), floats: floats) }
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
      case .store, .accumulate:
        break
      case .bias:
        if let bias = s.bias { store(sum + load(bias + lane + l), target + l) }
      case .biasReLU:
        if let bias = s.bias {
          store((sum + load(bias + lane + l)).positivePart, target + l)
        }
      case .reluGradient:
        if let mask = s.mask, let offsets = s.maskOffsets {
          store(sum.kept(where: load(mask + Int(offsets[row]) + lane + l)), target + l)
        }
      }
      l += Vector.scalarCount
    }
  }
}
