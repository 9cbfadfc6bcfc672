/// One buffer of a run's state beside the weights: one float per float of a parameter, of an optimizer's of a trained one.
package struct StateSlot: Sendable, Hashable {
  /// In messages.
  package let name: String
  /// What a checkpoint adds to a parameter's name.
  package let suffix: String

  package init(name: String, suffix: String) {
    self.name = name
    self.suffix = suffix
  }

  package static let momentum = StateSlot(name: "momentum", suffix: ".velocity")
  package static let firstMoment = StateSlot(name: "first moment", suffix: ".first_moment")
  package static let secondMoment = StateSlot(name: "second moment", suffix: ".second_moment")
  package static let squareAverage = StateSlot(name: "mean of squares", suffix: ".square_average")
  package static let gradientAverage = StateSlot(name: "mean gradient", suffix: ".gradient_average")

  /// The running mean of the weights, which runs keep for all parameters, running statistics too.
  package static let average = StateSlot(name: "average of the weights", suffix: ".ema")

  /// Whether it is kept of trained parameters alone.
  package var isOfTrained: Bool { self != .average }

  /// The slots of all runs, by which a checkpoint tells state from parameters.
  package static let known: [StateSlot] = [
    .momentum, .firstMoment, .secondMoment, .squareAverage, .gradientAverage, .average,
  ]

  /// The parameter that a checkpoint's tensor belongs to, and the slot; `nil` for the parameter itself.
  static func split(_ tensorName: String) -> (parameter: String, slot: StateSlot?) {
    guard let slot = known.first(where: { tensorName.hasSuffix($0.suffix) }) else { return (tensorName, nil) }
    return (String(tensorName.dropLast(slot.suffix.count)), slot)
  }
}
