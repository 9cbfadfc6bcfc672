internal import Diagnostics
internal import Runs
internal import Storage

/// The state of a run after a whole step, from which training goes on as if it had never stopped.
public struct Checkpoint: Sendable, Hashable {
  let state: Runs.Checkpoint

  init(_ state: Runs.Checkpoint) { self.state = state }

  /// Reads a file that ``save(to:overwrite:)`` or the command line's `train` wrote.
  ///
  /// - Throws: ``LockstepError``: `.inputMissing`, or `.badData` for a file that is no checkpoint or is damaged.
  public init(contentsOf file: String) throws(LockstepError) {
    state = try translating { try Runs.Checkpoint.read(file) }
  }

  /// Steps done since the start of training.
  public var step: Int { state.step }

  /// Whole epochs done.
  public var epochs: Int { state.progress.epochsDone }

  /// The weights as they are trained; of a run with ``TrainingSettings/ema``, not their average.
  public var weights: Weights { Weights(state.parameters, classNames: nil) }

  /// Writes a safetensors file, whole or not at all, and reads it back; the command line's `--resume` takes it, too.
  ///
  /// - Throws: ``LockstepError``: `.usage` for a file that is there unless `overwrite` allows to replace it;
  ///   `.cannotWrite`.
  public func save(to file: String, overwrite: Bool = false) throws(LockstepError) {
    try translating {
      try requireFree(file, overwrite)
      try state.write(to: file)
    }
  }
}
