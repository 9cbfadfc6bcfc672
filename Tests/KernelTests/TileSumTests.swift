import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

/// The register tile against plain loops in the same order, bit for bit, over sizes around its own.
@Suite("Tile sums")
struct TileSumTests {
  static let epilogues: [Epilogue] = [.store, .accumulate, .add, .bias, .biasReLU, .reluGradient]

  /// How operands lie in memory.
  enum Layout: CaseIterable {
    /// Lane blocks apart, as weights: `[lanes/32][term][32]` and `[lanes/32][row][32]`.
    case blocked
    /// Lanes together, as pixels: `[term][lanes]` and `[row][lanes]`.
    case together
  }

  struct Shape {
    var rows: Int
    var lanes: Int
    var outer = 1
    var middle = 1
    var inner: Int
    var termsPerBlock = Self.defaultTermsPerBlock
    var epilogue = Epilogue.store
    var layout = Layout.blocked
    /// Whether the rows of `a` are neighbours, as channels are; a term further they are behind each other.
    var rowsAreNeighbours = false
    var seed = 0

    /// What a core with 32 KiB of first-level cache takes.
    static let defaultTermsPerBlock = BlockSizes().termsPerBlock
  }

  /// Runs one shape through `tileSum`, or `laneSum`, of every build and of the plain loops; says where they differ.
  private func differences(_ shape: Shape, laneByLane: Bool = false) -> [String] {
    var random = RandomFloats(seed: shape.seed &* 31 &+ shape.rows &* 7 &+ shape.inner)
    let terms = shape.outer * shape.middle * shape.inner
    let paddedLanes = (shape.lanes + 31) / 32 * 32
    // Strides of a with gaps, rows out of order and overlapping.
    let aInner = shape.rowsAreNeighbours ? shape.rows + shape.seed % 3 : 1 + shape.seed % 3
    let aMiddle = shape.inner * aInner + shape.seed % 5
    let aOuter = shape.middle * aMiddle + 3
    let a = FloatBuffer(random.array(shape.rows * 5 + shape.outer * aOuter + 8 + shape.lanes))
    let aOffsets = Int32Buffer(
      (0..<shape.rows).map { shape.rowsAreNeighbours ? $0 : ($0 * 5 + shape.seed) % (shape.rows * 5 + 1) })
    let bInner = shape.layout == .blocked ? 32 : shape.lanes
    let bBlock = shape.layout == .blocked ? (terms + 1) * 32 : 32
    let b = FloatBuffer(random.array(max(paddedLanes / 32 * bBlock, terms * bInner) + 64))
    let outRow = shape.layout == .blocked ? 32 : shape.lanes + 16
    let outBlock = shape.layout == .blocked ? shape.rows * 32 : 32
    // Rows are written in another order than they are read.
    let outOffsets = Int32Buffer((0..<shape.rows).map { (shape.rows - 1 - $0) * outRow })
    let maskRow = shape.lanes + 7
    let maskOffsets = Int32Buffer((0..<shape.rows).map { $0 * maskRow })
    var before = random.array(max(paddedLanes / 32 * outBlock, shape.rows * outRow) + 32)
    let bias = FloatBuffer(random.array(shape.lanes))
    let mask = FloatBuffer(random.array((shape.rows + 1) * maskRow).map { $0 > 0.3 ? $0 : $0 > -0.3 ? 0 : $0 })
    if shape.seed % 4 == 1 { before = before.map { _ in -0.0 } }

    func run(_ kernel: (TileSum) -> Void) -> FloatBuffer {
      let out = FloatBuffer(before)
      var s = TileSum(
        a: a.pointer, aOffsets: aOffsets.pointer, b: b.pointer, out: out.pointer, outOffsets: outOffsets.pointer)
      s.rows = shape.rows
      s.lanes = shape.lanes
      s.outer = shape.outer
      s.middle = shape.middle
      s.inner = shape.inner
      s.aOuter = aOuter
      s.aMiddle = aMiddle
      s.aInner = aInner
      s.bOuter = shape.middle * shape.inner * bInner
      s.bMiddle = shape.inner * bInner
      s.bInner = bInner
      s.bBlock = bBlock
      s.outBlock = outBlock
      s.termsPerBlock = shape.termsPerBlock
      s.epilogue = shape.epilogue
      if shape.seed % 5 == 2 { s.relu = FusedReLU(limit: 0.5) }
      if shape.epilogue == .bias || shape.epilogue == .biasReLU { s.bias = UnsafePointer(bias.pointer) }
      if shape.epilogue == .reluGradient {
        s.mask = UnsafePointer(mask.pointer)
        s.maskOffsets = UnsafePointer(maskOffsets.pointer)
      }
      if shape.seed % 3 == 1 {
        // Prefetching past the end of memory harms nobody.
        s.ahead = UnsafePointer(bias.pointer)
        s.aheadFloats = 1 + shape.seed * 37 % 9000
      }
      kernel(s)
      return out
    }

    let expected = run(laneByLane ? NaiveKernels.laneSum : NaiveKernels.tileSum)
    return runnableKernels.compactMap { kernels in
      let actual = run(laneByLane ? kernels.laneSum : kernels.tileSum)
      if !actual.isIntact { return "\(kernels.name) wrote outside: \(shape)" }
      return actual.bits == expected.bits ? nil : "\(kernels.name): \(shape)"
    }
  }

  @Test("any rows and lanes, over any nesting of short sums", arguments: [16, 32, 48, 64, 80])
  func smallShapes(lanes: Int) {
    var seed = 0
    for rows in 0...17 {
      for (outer, middle) in [(1, 1), (1, 3), (2, 1), (3, 2)] {
        for inner in [1, 2, 3, 5, 8, 17] {
          let shape = Shape(
            rows: rows, lanes: lanes, outer: outer, middle: middle, inner: inner,
            epilogue: Self.epilogues[seed % 6], layout: seed % 2 == 0 ? .blocked : .together, seed: seed)
          #expect(differences(shape) == [])
          seed += 1
        }
      }
    }
  }

  @Test("lane by lane, any rows and lanes", arguments: [16, 32, 48, 80])
  func laneSums(lanes: Int) {
    var seed = 0
    for rows in 0...19 {
      for (outer, middle, inner) in [(1, 1, 1), (1, 3, 3), (2, 1, 5), (3, 2, 1), (1, 1, 130), (0, 3, 3)] {
        let shape = Shape(
          rows: rows, lanes: lanes, outer: outer, middle: middle, inner: inner,
          epilogue: Self.epilogues[(seed + rows) % 6], layout: seed % 2 == 0 ? .blocked : .together, seed: seed)
        #expect(differences(shape, laneByLane: true) == [])
        seed += 1
      }
    }
  }

  @Test("lane by lane, rows and terms that are taken in parts, under every epilogue", arguments: epilogues)
  func laneSumsInParts(epilogue: Epilogue) {
    var seed = 0
    for (rows, outer, middle, inner) in [
      (71, 1, 3, 3), (72, 1, 3, 3), (73, 1, 3, 3), (82, 1, 1, 1), (145, 2, 2, 1), (217, 1, 9, 9), (9, 1, 8, 9),
      (9, 1, 73, 1), (9, 3, 5, 17), (4, 2, 30, 5), (9, 2, 1, 80), (9, 7, 4, 5), (9, 75, 1, 1), (11, 2, 145, 1),
      (1, 100, 1, 1),
    ] {
      for layout in Layout.allCases {
        let shape = Shape(
          rows: rows, lanes: [16, 48, 80][seed % 3], outer: outer, middle: middle, inner: inner, epilogue: epilogue,
          layout: layout, seed: seed)
        #expect(differences(shape, laneByLane: true) == [])
        seed += 1
      }
    }
  }

  @Test("a sum of no terms is 0 under every epilogue", arguments: epilogues)
  func noTerms(epilogue: Epilogue) {
    for rows in [1, 3, 5, 8, 17] {
      #expect(differences(Shape(rows: rows, lanes: 48, outer: 0, middle: 0, inner: 5, epilogue: epilogue)) == [])
    }
  }

  @Test("long sums, which are blocked, under every epilogue", arguments: epilogues)
  func longSums(epilogue: Epilogue) {
    var seed = 0
    #expect(Shape.defaultTermsPerBlock == 128)
    for inner in [127, 128, 129, 130, 255, 256, 257, 258, 383, 384, 385, 513, 1025] {
      for rows in [1, 5, 6, 7, 8, 9, 16, 17] {
        for layout in Layout.allCases {
          let lanes = [16, 48, 32][seed % 3]
          let shape = Shape(
            rows: rows, lanes: lanes, inner: inner, epilogue: epilogue, layout: layout, seed: seed)
          #expect(differences(shape) == [])
          seed += 1
        }
      }
    }
  }

  @Test("long sums over pixels with many channels, under every epilogue", arguments: epilogues)
  func sumsOverPixels(epilogue: Epilogue) {
    var seed = 0
    for inner in [127, 128, 129, 256, 257, 385] {
      for rows in [1, 8, 9, 16, 33, 72] {
        for lanes in [32, 48, 64, 112] {
          let shape = Shape(
            rows: rows, lanes: lanes, inner: inner, epilogue: epilogue, layout: seed % 2 == 0 ? .blocked : .together,
            rowsAreNeighbours: true, seed: seed)
          #expect(differences(shape) == [])
          seed += 1
        }
      }
    }
  }

  @Test("blocks of any length change no bit", arguments: [1, 2, 16, 64, 127, 192, 512, 1024])
  func blockLengths(termsPerBlock: Int) {
    var seed = 0
    for inner in [termsPerBlock - 1, termsPerBlock, termsPerBlock + 1, 2 * termsPerBlock, 2 * termsPerBlock + 1, 300]
    where inner > 0 {
      for rows in [1, 9, 17] {
        for epilogue in Self.epilogues {
          let shape = Shape(
            rows: rows, lanes: [16, 48, 32][seed % 3], inner: inner, termsPerBlock: termsPerBlock, epilogue: epilogue,
            layout: seed % 2 == 0 ? .blocked : .together, seed: seed)
          #expect(differences(shape) == [])
          seed += 1
        }
      }
    }
  }

  @Test("every length of sum from 1 to 600")
  func everyLength() {
    for inner in 1...600 {
      #expect(
        differences(Shape(rows: 9, lanes: 16, inner: inner, epilogue: Self.epilogues[inner % 6], seed: inner)) == [])
    }
  }

  @Test("a sum cut into two, the second accumulating, is the whole sum")
  func accumulation() {
    let terms = 700
    var random = RandomFloats(seed: 4)
    let a = FloatBuffer(random.array(terms + 64))
    let b = FloatBuffer(random.array(terms * 32))
    let offsets = Int32Buffer(Array(0..<10))
    let targets = Int32Buffer((0..<10).map { $0 * 32 })
    for kernels in runnableKernels {
      func sum(_ cuts: [Int]) -> [Float] {
        let out = FloatBuffer(320)
        for (first, last) in zip(cuts, cuts.dropFirst()) {
          var s = TileSum(
            a: a.pointer + first, aOffsets: offsets.pointer, b: b.pointer + first * 32, out: out.pointer,
            outOffsets: targets.pointer)
          s.rows = 10
          s.lanes = 32
          s.inner = last - first
          s.outBlock = 320
          s.epilogue = first == 0 ? .store : .accumulate
          kernels.tileSum(s)
        }
        return out.values
      }
      let whole = sum([0, terms])
      for cut in [1, 127, 128, 129, 256, 699] { #expect(sum([0, cut, terms]) == whole, "\(kernels.name), \(cut)") }
    }
  }

  /// Merged loops are the same terms in the same order.
  @Test("loops that follow each other become one")
  func mergedLoops() {
    func sum(
      _ counts: (Int, Int, Int), a: (Int, Int, Int), b: (Int, Int, Int)
    ) -> [Int] {
      let (floats, offsets) = (FloatBuffer(1), Int32Buffer([0]))
      var s = TileSum(
        a: floats.pointer, aOffsets: offsets.pointer, b: floats.pointer, out: floats.pointer,
        outOffsets: offsets.pointer)
      (s.outer, s.middle, s.inner) = counts
      (s.aOuter, s.aMiddle, s.aInner) = a
      (s.bOuter, s.bMiddle, s.bInner) = b
      s.mergeLoops()
      return [s.outer, s.middle, s.inner, s.aMiddle, s.aInner, s.bMiddle, s.bInner]
    }
    // All three follow each other; the inner two; none; loops of one turn; no terms at all.
    #expect(sum((2, 3, 4), a: (12, 4, 1), b: (384, 128, 32)) == [1, 1, 24, 12, 1, 384, 32])
    #expect(sum((2, 3, 4), a: (50, 4, 1), b: (384, 128, 32)) == [1, 2, 12, 50, 1, 384, 32])
    #expect(sum((2, 3, 4), a: (50, 9, 1), b: (384, 128, 32)) == [2, 3, 4, 9, 1, 128, 32])
    #expect(sum((2, 1, 4), a: (50, 9, 1), b: (384, 7, 32)) == [1, 2, 4, 50, 1, 384, 32])
    #expect(sum((2, 3, 1), a: (50, 9, 1), b: (384, 128, 32)) == [1, 2, 3, 50, 9, 384, 128])
    #expect(sum((0, 3, 4), a: (12, 4, 1), b: (384, 128, 32)) == [0, 3, 4, 4, 1, 128, 32])
  }
}
