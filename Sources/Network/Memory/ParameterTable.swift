/// What a parameter is to training.
package enum ParameterRole: String, Hashable, Sendable, CaseIterable {
  case weight, bias
  /// The factor of a normalisation.
  case scale
  /// A statistic of the data that forward passes collect: it has no gradient.
  case runningStatistic

  /// Whether it has a gradient, and the optimizer changes it, where its layer is trained.
  package var isTrained: Bool { self != .runningStatistic }
}

/// How a parameter starts, see `Initializer`.
package enum InitialValue: Hashable, Sendable {
  case heNormal, heUniform, glorotUniform
  /// Each of `groups` equal parts of the outputs repeats its first inputs at the kernel's position `middle`; where a part has
  /// more outputs than inputs, the others are 0, or drawn uniformly between ±1/√fan-in.
  case dirac(middle: Int, groups: Int, drawsOthers: Bool = false)
  /// Measured on the training set, see `PatchWhitening`; without one as `heNormal`.
  case patchWhitening
  case constant(Float)
}

/// A parameter of a layer, before the layer has its place in a network.
package struct ParameterSpecification: Hashable, Sendable {
  /// The last part of its name, such as `weight`.
  package var part: String
  package var role: ParameterRole
  package var layout: Parameter.Layout
  /// The public shape.
  package var shape: [Int]
  package var initialValue: InitialValue
  /// Kernel positions (F·F, or H·W of the flattened map), input channels and outputs; 1, 1 and n for a vector of n.
  package var positions: Int
  package var channels: Int
  package var outputs: Int

  /// A tensor over positions and channels of the input.
  package init(
    _ part: String, layout: Parameter.Layout, shape: [Int], positions: Int, channels: Int, outputs: Int,
    initialValue: InitialValue = .heNormal
  ) {
    self.part = part
    role = .weight
    self.layout = layout
    self.shape = shape
    self.initialValue = initialValue
    self.positions = positions
    self.channels = channels
    self.outputs = outputs
  }

  /// One value per output.
  package init(vector part: String, role: ParameterRole, outputs: Int, initialValue: Float) {
    self.part = part
    self.role = role
    layout = .vector
    shape = [outputs]
    self.initialValue = .constant(initialValue)
    positions = 1
    channels = 1
    self.outputs = outputs
  }

  /// Values in the public layout.
  package var elementCount: Int { shape.reduce(1, *) }

  /// Floats that it takes in the flat buffer at least, outputs being filled up to blocks of 32; in floating point, so that no
  /// size overflows.
  package var packedFloats: Double {
    Double(positions) * Double(channels) * (Double(outputs) / 32).rounded(.up) * 32
  }

  /// The bias that convolutions and dense layers have.
  package static func bias(_ outputs: Int) -> ParameterSpecification {
    ParameterSpecification(vector: "bias", role: .bias, outputs: outputs, initialValue: 0)
  }
}

/// One parameter tensor: its public layout and its place in the flat buffer the kernels work on.
///
/// In the flat buffer a weight lies as blocks of 32 outputs, `[K/32][rows][32]`, where a row is one (position, channel)
/// of the summed index: `rows = positions · channelStride`. That is what the kernels read in the forward pass and what
/// they write as its gradient; the optimizer does not look at the order. A vector is its `outputs` floats, padded to 32.
/// Padding stays zero.
package struct Parameter: Hashable, Sendable {
  package enum Layout: Hashable, Sendable {
    /// `[kernel, kernel, in, out]`.
    case convolution
    /// `[kernel, kernel, in / groups, out]`, each group of outputs over its own inputs.
    case groupedConvolution
    /// `[out, in]`, `in` row-major over (height, width, channel).
    case dense
    /// `[out]`.
    case vector
  }
  package var name: String
  package var specification: ParameterSpecification
  /// Floats from one position to the next: those of a pixel, or the channels of a group alone; 1 for a vector.
  package var channelStride: Int
  /// Start in the flat buffer, a multiple of 32.
  package var offset: Int
  /// Whether its layer is not trained.
  package var isFrozen = false
  /// What the learning rate is multiplied by.
  package var rateScale = 1.0

  package init(_ specification: ParameterSpecification, layer: String, channelStride: Int, offset: Int = 0) {
    name = "\(layer).\(specification.part)"
    self.specification = specification
    switch specification.layout {
    case .vector: self.channelStride = 1
    case .groupedConvolution: self.channelStride = specification.channels
    case .convolution, .dense: self.channelStride = channelStride
    }
    self.offset = offset
  }

  package var role: ParameterRole { specification.role }
  /// Whether it has a gradient, and the optimizer changes it.
  package var isTrained: Bool { role.isTrained && !isFrozen }
  package var shape: [Int] { specification.shape }
  private var layout: Layout { specification.layout }
  private var channels: Int { specification.channels }
  private var outputs: Int { specification.outputs }

  package var rows: Int { specification.positions * channelStride }
  package var blocks: Int { roundUp(outputs, to: 32) / 32 }
  /// Floats in the flat buffer.
  package var packedCount: Int { blocks * rows * 32 }
  /// Floats in the public layout.
  package var elementCount: Int { specification.elementCount }
  /// Terms summed into one output.
  package var fanIn: Int { specification.positions * channels }
  /// Outputs into which an input goes.
  package var fanOut: Int {
    switch layout {
    // Every input of a dense layer has a place of its own, flattened or not.
    case .dense: outputs
    case .vector, .convolution, .groupedConvolution: specification.positions * outputs
    }
  }

  /// Whether a weight passes its input on where outputs repeat their inputs, see `InitialValue.dirac`.
  package func repeatsInput(_ index: Int, middle: Int, groups: Int) -> Bool {
    switch layout {
    case .vector: return false
    case .dense: return index % fanIn == index / fanIn
    case .convolution, .groupedConvolution:
      let row = index / outputs
      return row / channels == middle && row % channels == index % outputs % (outputs / groups)
    }
  }

  /// Whether the output of a weight repeats an input, see `InitialValue.dirac`.
  package func outputRepeats(_ index: Int, groups: Int) -> Bool {
    switch layout {
    case .vector: false
    case .dense: index / fanIn < fanIn
    case .convolution, .groupedConvolution: index % outputs % (outputs / groups) < channels
    }
  }

  /// How many of the 32 floats from `32 · leaf` on hold elements; the others are padding, of which a gradient may hold anything.
  package func elements(ofLeaf leaf: Int) -> Int {
    let (block, row) = leaf.quotientAndRemainder(dividingBy: rows)
    return row % channelStride < channels ? min(32, outputs - 32 * block) : 0
  }

  /// Index in the flat buffer, relative to `offset`, of element `index` of the public layout.
  package func packedIndex(_ index: Int) -> Int {
    assert(index >= 0 && index < elementCount, "\(name) has \(elementCount) elements, and no element \(index).")
    let (position, channel, output): (Int, Int, Int)
    switch layout {
    case .vector:
      return index
    case .convolution, .groupedConvolution:
      output = index % outputs
      let row = index / outputs
      (position, channel) = (row / channels, row % channels)
    case .dense:
      output = index / fanIn
      let row = index % fanIn
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
      switch layout {
      case .vector: (count, step) = (left, 1)
      case .convolution, .groupedConvolution:
        let output = first % outputs
        (count, step) = (min(left, outputs - output, 32 - output % 32), 1)
      case .dense: (count, step) = (min(left, channels - first % channels), 32)
      }
      let at = packedIndex(first)
      assert(
        at >= 0 && count >= 1 && at + (count - 1) * step < packedCount,
        "Elements \(first)..<\(first + count) of \(name) lie outside its \(packedCount) floats.")
      body(first, count, at, step)
      first += count
    }
  }
}

/// All parameters of a network in layer order, weight before bias: the order of files and digests.
///
/// In the flat buffer those that are trained come first, so that gradients and the optimizer's state have no holes.
package struct ParameterTable: Hashable, Sendable {
  package private(set) var parameters: [Parameter] = []
  /// Floats of the trained parameters at the start of the flat buffer, a multiple of 32: those with a gradient.
  package private(set) var trainedCount = 0
  /// Floats of the flat buffer, a multiple of 32.
  package private(set) var packedCount = 0

  package init(_ parameters: [Parameter] = []) {
    self.parameters = parameters
    for i in parameters.indices where parameters[i].isTrained { place(i) }
    trainedCount = packedCount
    for i in parameters.indices where !parameters[i].isTrained { place(i) }
  }

  private mutating func place(_ index: Int) {
    parameters[index].offset = packedCount
    packedCount += parameters[index].packedCount
    assert(packedCount % 32 == 0, "\(parameters[index].name) ends between two blocks of 32 floats.")
  }

  /// Elements in the public layouts.
  package var elementCount: Int { parameters.reduce(0) { $0 + $1.elementCount } }

  /// The ranges of the flat buffer that belong to no element: padding, whose values are never used and may be anything.
  package var padding: [Range<Int>] {
    var isElement = [Bool](repeating: false, count: packedCount)
    for p in parameters {
      p.forEachPackedRun(0..<p.elementCount) { _, count, at, step in
        for i in 0..<count { isElement[p.offset + at + i * step] = true }
      }
    }
    var (ranges, start): ([Range<Int>], Int) = ([], 0)
    while start < packedCount {
      guard !isElement[start] else {
        start += 1
        continue
      }
      let end = isElement[start...].firstIndex(of: true) ?? packedCount
      ranges.append(start..<end)
      start = end
    }
    return ranges
  }

  private func holds(_ p: Parameter) -> Bool { p.offset >= 0 && p.offset + p.packedCount <= packedCount }

  /// The public layout of parameter `p` out of a flat buffer.
  package func unpack(_ p: Parameter, from flat: UnsafePointer<Float>) -> [Float] {
    assert(holds(p), "\(p.name) lies outside the flat buffer of \(packedCount) floats.")
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
    assert(holds(p), "\(p.name) lies outside the flat buffer of \(packedCount) floats.")
    precondition(values.count == p.elementCount, "A tensor of another size was packed into \(p.name).")
    let base = flat + p.offset
    values.withUnsafeBufferPointer { values in
      p.forEachPackedRun(0..<p.elementCount) { first, count, at, step in
        for i in 0..<count { base[at + i * step] = values[first + i] }
      }
    }
  }
}
