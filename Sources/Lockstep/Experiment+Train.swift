internal import Collectives
internal import Configuration
internal import Diagnostics
internal import Machine
internal import Runs
internal import Training

extension Experiment {
  /// What the weights are before the first step.
  public enum Start: Sendable {
    /// Drawn from the seed, as the layers' initializers say.
    case random
    /// These.
    case weights(Weights)
    /// Those of a run that goes on after its checkpoint; its settings must be the same, but for how the machine is used,
    /// what is told, and, where the learning rate does not depend on it, how long it trains.
    case checkpoint(Checkpoint)
  }

  /// Trains to the end, or until the task is cancelled.
  ///
  /// The workers run on threads of their own; the calling task is suspended meanwhile. A cancelled run finishes its step
  /// and returns what it has, with ``TrainingResult/isComplete`` false and the checkpoint that continues it: the weights
  /// at the end are then the same bits as without the interruption.
  /// - Parameters:
  ///   - start: what the weights are at first.
  ///   - progress: called with every event in its order, one at a time, on a thread of the run; training does not wait
  ///     for it unless it takes longer than the steps that are buffered.
  /// - Throws: ``LockstepError`` about data, memory or threads; `.badConfiguration` for a checkpoint of another run;
  ///   `.diverged` if the loss or a weight is no longer finite, naming step and layers.
  public func train(
    from start: Start = .random, progress: @escaping @Sendable (TrainingEvent) -> Void = { _ in }
  ) async throws(LockstepError) -> TrainingResult {
    let stop = StopFlag()
    do {
      return try await withTaskCancellationHandler {
        try await OwnThread.run { try trained(from: start, stop, progress) }
      } onCancel: {
        stop.request()
      }
    } catch {
      throw LockstepError(error)
    }
  }

  private func trained(
    from start: Start, _ stop: StopFlag, _ progress: (TrainingEvent) -> Void
  ) throws -> TrainingResult {
    let data = try loadData()
    let run = try run(measuredOn: data.training)
    var (weights, checkpoint): (Weights?, Runs.Checkpoint?)
    switch start {
    case .random: break
    case .weights(let given): weights = given
    case .checkpoint(let given):
      checkpoint = given.state
      try given.state.requireSameNumbers(as: run, file: given.state.source)
    }
    for file in data.training.leftOut + (data.test?.leftOut ?? []) {
      progress(.warning("left out: \(file.subject): \(file.message)"))
    }
    let trainer = try Trainer(
      configuration: run, topology: try Topology.read(), kernels: try table(), training: data.training,
      test: data.test, initialWeights: try weights.map { try checked($0) }, resuming: checkpoint)
    var last = checkpoint.map { Checkpoint($0) }
    let summary = try trainer.run(stop: stop) { event in
      guard let event = TrainingEvent(event) else { return }
      if case .checkpoint(let state) = event { last = state }
      progress(event)
    }
    return TrainingResult(
      summary, Weights(trainer.weights(), classNames: data.training.classNames ?? classNames), last)
  }
}

/// What `body` returns, computed on a thread of its own; whatever it throws becomes the library's error.
func onOwnThread<Value: Sendable>(
  _ body: @escaping @Sendable () throws -> Value
) async throws(LockstepError) -> Value {
  do { return try await OwnThread.run(body) } catch { throw LockstepError(error) }
}
