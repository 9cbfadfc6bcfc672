import Machine
import Measuring
import Storage
import Training

/// What `train --dry-run` prints: the header of the run, where it would go, and how long it would take.
package struct DryRunSummary: Summary {
  package var name: String
  package var run: DryRun
  /// The folder that the run would be written to, and what it would continue there.
  package var folder: String
  package var continued: String?

  package init(name: String, run: DryRun, folder: String, continued: String?) {
    (self.name, self.run, self.folder, self.continued) = (name, run, folder, continued)
  }

  package var lines: [String] {
    var table = TextTable([.left, .left])
    table.add("data", "\(Topology.size(run.dataBytes)) in memory, read and checked")
    let memory = run.description.memory.lines.flatMap { WrappedText.lines($0, columns: WrappedText.columns - 10) }
    for (number, line) in memory.enumerated() { table.add(number == 0 ? "memory" : "", line) }
    table.add(
      "step",
      run.measuredSteps == 0
        ? "not measured: the run has too few steps"
        : "\(NumberText.fixed(run.stepMilliseconds, 2)) ms, \(NumberText.rate(run.imagesPerSecond)) images/s, by "
          + NumberText.count(run.measuredSteps, "step"))
    if run.measuredSteps > 0 {
      table.add(
        "time",
        (run.mayEndEarlier ? "at most about " : "about ") + NumberText.clock(seconds: run.seconds)
          + " for \(NumberText.count(run.steps, "step"))"
          + (run.evaluations == 0 ? "" : " and \(NumberText.count(run.evaluations, "evaluation"))"))
    }
    table.add("output", folder + (continued.map { ", continuing \($0)" } ?? ""))
    return RunHeader.lines(name: name, description: run.description) + table.lines(indentation: 2)
      + ["", "A dry run: nothing was written."]
  }

  package var json: JSONValue {
    let description = run.description
    return .object([
      .init("dry_run", .bool(true)), .init("output", .string(folder)),
      .init("continues", continued.map { .string($0) } ?? .null),
      .init("training_examples", .integer(description.trainingExamples)),
      .init("test_examples", .integer(description.testExamples)), .init("data_bytes", .integer(run.dataBytes)),
      .init("parameters", .integer(description.parameterCount)), .init("epochs", .integer(description.epochs)),
      .init("steps_per_epoch", .integer(description.stepsPerEpoch)),
      .init("first_step", .integer(description.firstStep)),
      .init("steps", .integer(run.steps)), .init("evaluations", .integer(run.evaluations)),
      .init("batch_size", .integer(description.batchSize)),
      .init("workers", .integer(description.placement.workers.count)), .init("kernels", .string(description.kernels)),
      .init("memory", description.memory.json), .init("measured_steps", .integer(run.measuredSteps)),
      .init("step_ms", .number(run.measuredSteps == 0 ? nil : run.stepMilliseconds)),
      .init("images_per_second", .number(run.measuredSteps == 0 ? nil : run.imagesPerSecond)),
      .init("seconds", .number(run.measuredSteps == 0 ? nil : run.seconds)),
      .init("notes", .array(description.notes.map { .string($0) })),
    ])
  }
}
