internal import Storage

/// The configuration's section `checkpoint`: when training hands out its state; 0 turns a rule off.
///
/// A run that is cancelled hands it out in any case, and with any rule on so does one that ends.
public struct CheckpointSettings: Sendable, Hashable {
  /// Epochs from one checkpoint to the next.
  public var everyEpochs: Int
  /// Steps from one checkpoint to the next.
  public var everySteps: Int
  /// A checkpoint comes after the first step that ends at least this many seconds after the last one.
  public var everySeconds: Double

  /// The configuration's defaults: one at the end of every epoch.
  public init(everyEpochs: Int = 1, everySteps: Int = 0, everySeconds: Double = 0) {
    (self.everyEpochs, self.everySteps, self.everySeconds) = (everyEpochs, everySteps, everySeconds)
  }
}

/// The configuration's section `logging`, as far as it is about what training tells.
public struct LoggingSettings: Sendable, Hashable {
  /// Steps from one ``TrainingEvent/step(_:)`` to the next.
  public var everySteps: Int

  /// The configuration's default: every ten steps.
  public init(everySteps: Int = 10) { self.everySteps = everySteps }
}

extension CheckpointSettings: ConfigurationValue {
  var json: JSONValue {
    .section([("every_epochs", everyEpochs), ("every_steps", everySteps), ("every_seconds", everySeconds)])
  }
}

extension LoggingSettings: ConfigurationValue {
  var json: JSONValue { .section([("every_steps", everySteps)]) }
}
