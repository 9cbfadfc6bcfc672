import Configuration
import Diagnostics
import TestSupport
import Testing

@testable import Runs
@testable import Training

/// A run that is interrupted and continued ends as one that was not.
@Suite struct ResumeTests {
  @Test("every checkpoint leads to the same end", arguments: [(1, 3), (2, 1), (3, 2), (5, 4)])
  func everyCheckpointLeadsToTheSameEnd(workers: Int, later: Int) throws {
    let folder = try TemporaryFolder()
    let whole = try ResumeRun([.set("runtime.workers", "1")]).run()
    let first = try ResumeRun([.set("checkpoint.every_steps", "1"), .set("runtime.workers", "\(workers)")])
    let taken = try first.run().trace
    #expect(taken.records == whole.trace.records)
    #expect(taken.checkpoints.last?.step == 12)
    for checkpoint in taken.checkpoints {
      let file = folder.file(Checkpoint.fileName(step: checkpoint.step))
      try checkpoint.write(to: file)
      var rest = try ResumeRun([.set("runtime.workers", "\(later)")])
      rest.checkpoint = try Checkpoint.read(file)
      let isSame = rest.checkpoint.map {
        ($0.metadata, $0.parameters, $0.state) == (checkpoint.metadata, checkpoint.parameters, checkpoint.state)
      }
      #expect(isSame == true)
      // The tensors of a stored one are read once there is memory for them.
      let stored = try Checkpoint.open(file)
      #expect(stored.isStored && stored.parameters.isEmpty && stored.metadata == checkpoint.metadata)
      if checkpoint.step % 2 == 0 { rest.checkpoint = stored }
      let end = try rest.run()
      #expect(end.summary.weightsDigest == whole.summary.weightsDigest, "from step \(checkpoint.step)")
      #expect(Array(whole.trace.records.prefix(checkpoint.recordCount)) + end.trace.records == whole.trace.records)
      #expect(Array(whole.trace.validation.suffix(end.trace.validation.count)) == end.trace.validation)
      #expect(end.summary.loss == whole.summary.loss && end.summary.steps == 12 && end.summary.epochs == 4)
      #expect(end.summary.validationAccuracy == whole.summary.validationAccuracy)
    }
  }

  @Test("a run stopped after every step ends the same with other workers each time")
  func stoppedAfterEveryStepWithOtherWorkersEachTime() throws {
    let whole = try ResumeRun().run()
    var run = try ResumeRun()
    var records: [StepRecord] = []
    for step in 1...12 {
      run.configuration.runtime.workers = .count(step % 5 + 1)
      let stop = StopFlag()
      stop.request()
      let part = try run.run(stop: stop)
      records += part.trace.records
      #expect(part.summary.steps == step)
      #expect(part.summary.interrupted == (step < 12))
      if step < 12 {
        let checkpoint = try #require(part.trace.checkpoints.last)
        #expect(part.trace.checkpoints.count == 1 && checkpoint.step == step)
        #expect((checkpoint.validationAccuracy != nil) == (step % 3 == 0))
        run.checkpoint = checkpoint
      } else {
        #expect(part.summary.weightsDigest == whole.summary.weightsDigest)
      }
    }
    #expect(records == whole.trace.records)
  }

  /// The time of a run is that of its parts; checkpoints written before it was kept are read as they are.
  @Test("elapsed time continues where it left off")
  func elapsedTimeGoesOnWhereItLeftOff() throws {
    var run = try ResumeRun([.set("checkpoint.every_steps", "1")])
    let first = try run.run()
    let taken = try #require(first.trace.checkpoints.last)
    #expect(taken.progress.elapsedNanoseconds > 0)
    #expect(first.summary.elapsedSeconds >= Double(taken.progress.elapsedNanoseconds) * 1e-9)
    run.checkpoint = taken
    var before = 0.0
    run.configuration.training.epochs = 5
    let rest = try run.run { event in
      guard case .step(let record, progress: false) = event else { return }
      #expect(record.elapsedSeconds > Double(taken.progress.elapsedNanoseconds) * 1e-9)
      #expect(record.elapsedSeconds >= before && record.steps == 2)
      before = record.elapsedSeconds
    }
    #expect(rest.summary.elapsedSeconds > before && rest.summary.totalSteps == 15)
    var old = taken.metadata
    old["progress.elapsed_ns"] = nil
    let read = try Checkpoint(parameters: taken.parameters, state: taken.state, metadata: old, file: "old")
    #expect(read.progress.elapsedNanoseconds == 0 && read.metadata == old)
  }

  @Test("the state of every optimizer is kept", arguments: OptimizerConfiguration.Rule.allCases)
  func theStateOfEveryOptimizerIsKept(rule: OptimizerConfiguration.Rule) throws {
    var overrides: [ConfigurationOverride] = [
      .set("training.optimizer.type", rule.rawValue), .set("training.clip_norm", "0.5"),
    ]
    if rule == .rmsprop {
      overrides += [.set("training.optimizer.momentum", "0.5"), .set("training.optimizer.centered", "true")]
    }
    let folder = try TemporaryFolder()
    let whole = try ResumeRun(overrides + [.set("runtime.workers", "1")]).run()
    let taken = try ResumeRun(overrides + [.set("checkpoint.every_steps", "5")]).run().trace.checkpoints
    let checkpoint = try #require(taken.first)
    let run = try ResumeRun(overrides)
    #expect(checkpoint.state.map(\.slot) == run.configuration.training.optimizer.makeOptimizer().slots)
    #expect(checkpoint.state.allSatisfy { slot in slot.tensors.allSatisfy { $0.values.contains { $0 != 0 } } })
    let file = folder.file("checkpoint")
    try checkpoint.write(to: file)
    for read in [try Checkpoint.read(file), try Checkpoint.open(file)] {
      var rest = run
      rest.checkpoint = read
      #expect(try rest.run().summary.weightsDigest == whole.summary.weightsDigest)
    }
  }

  @Test("a finished run continues with more epochs and stays finished without")
  func aFinishedRunGoesOnWithMoreEpochsAndStaysFinishedWithoutThem() throws {
    var run = try ResumeRun([.set("checkpoint.every_epochs", "1")])
    let short = try run.run()
    run.checkpoint = short.trace.checkpoints.last
    #expect(run.checkpoint?.step == 12)
    let again = try run.run()
    #expect(again.summary.weightsDigest == short.summary.weightsDigest)
    #expect(again.trace == RunTrace())
    run.configuration.training.epochs = 7
    try run.checkpoint?.requireSameNumbers(as: run.configuration, file: "c")
    let longer = try run.run()
    #expect(longer.summary.weightsDigest == (try ResumeRun([.set("training.epochs", "7")]).run().summary.weightsDigest))
    run.configuration.training.epochs = 3
    let error = userError { _ = try run.run() }
    #expect(error?.category == .badConfiguration && error?.subject == "training.epochs")
  }

  @Test("checkpoints come when they are due or asked for")
  func checkpointsComeWhenTheyAreDueOrAskedFor() throws {
    let epochs = try ResumeRun([.set("checkpoint.every_epochs", "2")]).run()
    #expect(epochs.trace.checkpoints.last?.step == 12)
    #expect(epochs.trace.checkpoints.allSatisfy { $0.step >= 6 })
    #expect(try ResumeRun().run().trace.checkpoints.isEmpty)
    let seconds = try ResumeRun([.set("checkpoint.every_seconds", "1e-9")]).run()
    #expect(seconds.trace.checkpoints.count >= 2)
    let stop = StopFlag()
    stop.requestCheckpoint()
    let asked = try ResumeRun().run(stop: stop)
    #expect(asked.trace.checkpoints.map(\.step) == [1, 12], "the last one says that the run has ended")
    #expect(asked.summary.steps == 12 && !asked.summary.interrupted)
  }

  /// Every word of a trained state differs from the initial one, momentum too.
  @Test("a checkpoint holds the whole state")
  func theStateIsWhole() throws {
    let stop = StopFlag()
    stop.request()
    let run = try ResumeRun()
    let start = try run.trainer().weights()
    let state = try #require(try run.run(stop: stop).trace.checkpoints.first)
    let momentum = state.tensors(of: .momentum)
    #expect(state.parameters.map(\.name) == start.map(\.name) && momentum.map(\.name) == start.map(\.name))
    #expect(momentum.allSatisfy { $0.values.contains { $0 != 0 } })
    #expect(zip(state.parameters, start).allSatisfy { $0.values != $1.values })
  }
}
