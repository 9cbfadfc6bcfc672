/// Which layers compute anything, and which values share memory.
extension ModelGraph {
  /// Whether a layer is computed by itself: it neither only renames its input nor is a ReLU that the layer before applies.
  package func isAtWork(_ number: Int) -> Bool {
    !layers[number].kind.traits.contains(.renames) && !isAppliedBefore(number)
  }

  /// Whether a layer is a ReLU that the layer before it applies: no other layer reads its input, and every layer that reads
  /// its output can mask the gradient.
  func isAppliedBefore(_ number: Int) -> Bool {
    let layer = layers[number]
    guard layer.kind.traits.contains(.isReLU) else { return false }
    let input = values[layer.inputs[0]]
    guard let producer = input.producer, input.consumers.count == 1 else { return false }
    // A ReLU at work masks the gradient by itself: its input is above 0 where its output is.
    return layers[producer].kind.traits.contains(.appliesReLU)
      && readers(of: layer.output, through: { !layers[$0].kind.traits.contains(.renames) }).allSatisfy {
        !layers[$0].kind.traits.isDisjoint(with: [.masksInputGradient, .isReLU])
      }
  }

  /// The layers at work that read a value's memory, ascending.
  package func readers(of value: Int) -> [Int] { readers(of: value, through: isAtWork) }

  private func readers(of value: Int, through reads: (Int) -> Bool) -> [Int] {
    values[value].consumers.flatMap { reads($0) ? [$0] : readers(of: layers[$0].output, through: reads) }.sorted()
  }
}
