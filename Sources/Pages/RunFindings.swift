import Configuration
import Datasets
import Diagnostics
import Machine
import Runs
import Storage
import Training

/// What is known of a run only at its end, and is in no other of its files: the content of `report.json`.
package struct RunFindings {
  /// The start of every such file, by which it is known to be one.
  static let mark = #"{"format":"lockstep-report","#
  static let file = "report.json"

  let json: JSONValue

  /// - Parameters:
  ///   - weightsDigest: of the weights that `evaluation` is about.
  ///   - times: by worker, of the last part of the run.
  ///   - samples: training images as the first epoch sees them.
  package init(
    _ description: RunDescription, _ topology: Topology, weightsDigest: String, times: [WorkerTimes],
    samples: [TrainingSample], evaluation: RunEvaluation?, training: ImageDataset, classNames: [String]?
  ) {
    var members: [JSONValue.Member] = [
      .init("format", .string("lockstep-report")), .init("format_version", .integer(1)),
      .init("program", .string("lockstep \(ProgramVersion.current)")), .init("kernels", .string(description.kernels)),
      .init("weights_digest", .string(weightsDigest)),
      .init("training_examples", .integer(description.trainingExamples)),
      .init("test_examples", .integer(description.testExamples)), .init("batch_size", .integer(description.batchSize)),
      .init("parameters", .integer(description.parameterCount)),
      .init("layers", .array(description.layers.map(Self.layer))), .init("machine", Self.machine(topology)),
      .init("times", Self.times(times)),
    ]
    if let classNames { members.append(.init("class_names", .array(classNames.map { .string($0) }))) }
    members.append(
      .init("samples", .array(samples.compactMap { DatasetPictures.sample($0, in: training) })))
    if let evaluation { members += evaluation.members }
    json = .object(members)
  }

  /// The part of it that is known when a run begins.
  static func begun(_ description: RunDescription) -> JSONValue {
    .object([
      .init("kernels", .string(description.kernels)),
      .init("training_examples", .integer(description.trainingExamples)),
      .init("batch_size", .integer(description.batchSize)), .init("parameters", .integer(description.parameterCount)),
      .init("layers", .array(description.layers.map(layer))),
    ])
  }

  /// What a file holds.
  ///
  /// - Throws: `UserError(.badData)` if it is not one of these; `.inputMissing` if it cannot be read.
  init(file: FilePlace) throws(UserError) {
    let input = try ByteInput(file)
    var reader = JSONReader(
      try input.read(input.remaining), dialect: .strict, subject: .bytes(file: file.path, offset: 0))
    json = try reader.value()
    guard json["format"] == .string("lockstep-report") else {
      throw UserError(
        .badData, file.path, "has no \"format\": \"lockstep-report\"; allowed: what a run has written beside its report"
      )
    }
  }

  private static func layer(_ layer: RunDescription.Layer) -> JSONValue {
    .object([
      .init("name", .string(layer.name)),
      .init("summary", .string(layer.detail.isEmpty ? layer.summary : "\(layer.summary): \(layer.detail)")),
      .init("shape", .string(layer.outputShape.description)), .init("parameters", .integer(layer.parameterCount)),
    ])
  }

  private static func machine(_ topology: Topology) -> JSONValue {
    func cpus(_ set: CPUSet) -> JSONValue { .array(set.map { .integer($0) }) }
    return .object([
      .init("processor", .string(topology.processorName)),
      .init(
        "nodes",
        .array(
          topology.nodes.map { node in
            .object([
              .init("node", .integer(node.id)), .init("memory_bytes", .integer(node.memoryBytes)),
              .init("cores", .array(topology.cores.filter { $0.node == node.id }.map { cpus($0.cpus) })),
            ])
          })), .init("usable", cpus(topology.usable.cpus)),
    ])
  }

  private static func times(_ times: [WorkerTimes]) -> JSONValue {
    .object([
      .init("steps", .integer(times.map(\.steps).max() ?? 0)),
      .init(
        "workers",
        .array(
          times.map { worker in
            .object([
              .init("worker", .integer(worker.worker)),
              .init(
                "milliseconds",
                .object(
                  StepPart.timed.map { part in
                    let mean = Double(worker.nanoseconds(part)) * 1e-6 / Double(max(1, worker.steps))
                    return .init(part.rawValue, .number(ThinnedSeries.rounded(mean, digits: 5)))
                  })),
            ])
          })),
    ])
  }
}
