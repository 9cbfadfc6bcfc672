import KernelInterface

/// Which layers compute anything, and which values share memory.
extension ModelGraph {
  /// Whether a layer is computed by itself: it neither only renames its input nor is a ReLU that the layer before applies.
  package func isAtWork(_ number: Int) -> Bool {
    !layers[number].kind.traits.contains(.renames) && appliedBefore(number) == nil
  }

  /// The ReLU that a layer is, if the layer before it applies it: no other layer reads its input, and every layer that reads
  /// its output can mask the gradient.
  func appliedBefore(_ number: Int) -> FusedReLU? {
    let layer = layers[number]
    guard let relu = layer.kind.relu else { return nil }
    let input = values[layer.inputs[0]]
    guard let producer = input.producer, input.consumers.count == 1 else { return nil }
    let readers = readers(of: layer.output, through: { !layers[$0].kind.traits.contains(.renames) })
    let isMasked = readers.allSatisfy { reader in
      // A ReLU at work masks the gradient by itself, where its own limit is not above this one's.
      layers[reader].kind.traits.contains(.masksInputGradient)
        || layers[reader].kind.relu.map { $0.limit <= relu.limit } ?? false
    }
    return layers[producer].kind.traits.contains(.appliesReLU) && isMasked ? relu : nil
  }

  /// The layers in the order in which they are computed: that of the model, but that layers before `end` come as late as they
  /// can without a meeting more, see `Schedule`.
  ///
  /// The last norm of a shortcut so follows on the last norm of its residual block, and both have one meeting.
  func workingOrder(before end: Int) -> [Int] {
    // The most meetings on a way from a layer's output to the end of the net.
    var meetingsAfter = [Int](repeating: 0, count: layers.count)
    for number in layers.indices.reversed() {
      let meetings = meetingsAfter[number] + (meets(number) ? 1 : 0)
      for case let producer? in layers[number].inputs.map({ values[$0].producer }) {
        meetingsAfter[producer] = max(meetingsAfter[producer], meetings)
      }
    }
    func place(_ number: Int) -> (Int, Int, Int) { (-meetingsAfter[number], meets(number) ? 0 : 1, number) }
    return (0..<end).sorted { place($0) < place($1) } + (end..<layers.count)
  }

  private func meets(_ number: Int) -> Bool { layers[number].kind.type is any MeetingLayerType }

  /// The layers at work that read a value's memory, ascending.
  package func readers(of value: Int) -> [Int] { readers(of: value, through: isAtWork) }

  private func readers(of value: Int, through reads: (Int) -> Bool) -> [Int] {
    values[value].consumers.flatMap { reads($0) ? [$0] : readers(of: layers[$0].output, through: reads) }.sorted()
  }

  /// The groups of examples that layers normalise by themselves, one for each such layer.
  package var groupSizes: [Int] { layers.compactMap { ($0.kind.type as? any MeetingLayerType)?.groupExamples } }

  /// Shards that one worker must have together, as they are in one group: the least common multiple of the groups.
  package func shardsTogether(shardSize: Int) -> Int {
    groupSizes.reduce(1) { unit, examples in
      let group = max(1, examples / shardSize)
      var (a, b) = (unit, group)
      while b > 0 { (a, b) = (b, a % b) }
      return unit / a * group
    }
  }
}
