/// One parameter tensor: its public layout and its place in the flat buffer the kernels work on.
///
/// In the flat buffer a weight lies as blocks of 32 outputs, `[K/32][rows][32]`, where a row is one (position, channel)
/// of the summed index: `rows = positions · channelStride`. That is what the kernels read in the forward pass and what
/// they write as its gradient; the optimizer does not look at the order. A bias is its `outputs` floats, padded to 32.
/// Padding stays zero.
package struct Parameter: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// Public layout `[kernel, kernel, in, out]`.
    case convolutionWeight
    /// Public layout `[out, in]`, `in` row-major over (height, width, channel).
    case denseWeight
    case bias
  }
  package var name: String
  package var kind: Kind
  /// The public shape.
  package var shape: [Int]
  /// Kernel positions (F·F, or H·W of the flattened map), input channels and their stride; 1 for a bias.
  package var positions: Int
  package var channels: Int
  package var channelStride: Int
  package var outputs: Int
  /// Start in the flat buffer, a multiple of 32.
  package var offset: Int

  package var rows: Int { kind == .bias ? 1 : positions * channelStride }
  package var blocks: Int { roundUp(outputs, to: 32) / 32 }
  /// Floats in the flat buffer.
  package var packedCount: Int { blocks * rows * 32 }
  /// Floats in the public layout.
  package var elementCount: Int { shape.reduce(1, *) }
  /// Terms summed into one output, the `n` of He initialisation.
  package var fanIn: Int { positions * channels }

  /// Index in the flat buffer, relative to `offset`, of element `index` of the public layout.
  package func packedIndex(_ index: Int) -> Int {
    let (position, channel, output): (Int, Int, Int)
    switch kind {
    case .bias:
      return index
    case .convolutionWeight:
      output = index % outputs
      let row = index / outputs
      (position, channel) = (row / channels, row % channels)
    case .denseWeight:
      output = index / (positions * channels)
      let row = index % (positions * channels)
      (position, channel) = (row / channels, row % channels)
    }
    return (output / 32) * rows * 32 + (position * channelStride + channel) * 32 + output % 32
  }

  /// Calls `body` with runs of `elements` that lie evenly in the flat buffer: the first's index, how many, its packed
  /// index, and the step from one to the next there.
  @inline(__always)
  package func forEachPackedRun(
    _ elements: Range<Int>, _ body: (_ first: Int, _ count: Int, _ at: Int, _ step: Int) -> Void
  ) {
    var first = elements.lowerBound
    while first < elements.upperBound {
      let left = elements.upperBound - first
      let count: Int
      let step: Int
      switch kind {
      case .bias: (count, step) = (left, 1)
      case .convolutionWeight:
        let output = first % outputs
        (count, step) = (min(left, outputs - output, 32 - output % 32), 1)
      case .denseWeight: (count, step) = (min(left, channels - first % channels), 32)
      }
      body(first, count, packedIndex(first), step)
      first += count
    }
  }
}

/// All parameters of a network in layer order, weight before bias.
package struct ParameterTable: Hashable, Sendable {
  package private(set) var parameters: [Parameter] = []
  /// Floats of the flat buffer, a multiple of 32.
  package private(set) var packedCount = 0

  /// Adds a parameter at the end of the flat buffer; answers its index.
  mutating func append(_ parameter: Parameter) -> Int {
    var placed = parameter
    placed.offset = packedCount
    packedCount += placed.packedCount
    parameters.append(placed)
    return parameters.count - 1
  }

  /// Elements in the public layouts.
  package var elementCount: Int { parameters.reduce(0) { $0 + $1.elementCount } }

  /// The public layout of parameter `p` out of a flat buffer.
  package func unpack(_ p: Parameter, from flat: UnsafePointer<Float>) -> [Float] {
    let base = flat + p.offset
    return [Float](unsafeUninitializedCapacity: p.elementCount) { values, count in
      p.forEachPackedRun(0..<p.elementCount) { first, count, at, step in
        for i in 0..<count { values[first + i] = base[at + i * step] }
      }
      count = p.elementCount
    }
  }

  /// Writes the public layout of parameter `p` into a flat buffer.
  package func pack(_ p: Parameter, _ values: [Float], into flat: UnsafeMutablePointer<Float>) {
    precondition(values.count == p.elementCount, "A tensor of another size was packed into \(p.name).")
    let base = flat + p.offset
    values.withUnsafeBufferPointer { values in
      p.forEachPackedRun(0..<p.elementCount) { first, count, at, step in
        for i in 0..<count { base[at + i * step] = values[first + i] }
      }
    }
  }
}
