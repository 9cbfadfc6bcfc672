import Collectives
import Datasets
import Machine
import Network

extension RunPlan {
  package var totalSteps: Int { configuration.training.epochs * shards.stepsPerEpoch }

  /// What a run of this plan is, for its header.
  func description(trainingExamples: Int, testExamples: Int, firstStep: Int) -> RunDescription {
    let shapes = (try? configuration.model.outputShapes()) ?? []
    let layers = zip(configuration.model.layers, shapes).map { layer, shape in
      RunDescription.Layer(
        name: layer.name, summary: layer.kind.summary, outputShape: shape,
        parameterCount: network.parameters.parameters
          .filter { $0.name == "\(layer.name).weight" || $0.name == "\(layer.name).bias" }
          .reduce(0) { $0 + $1.elementCount })
    }
    return RunDescription(
      layers: layers, parameterCount: network.parameters.elementCount, trainingExamples: trainingExamples,
      testExamples: testExamples, epochs: configuration.training.epochs, stepsPerEpoch: shards.stepsPerEpoch,
      batchSize: configuration.training.batchSize, shardSize: shards.shardSize, placement: placement,
      kernels: kernels.name, notes: placement.notes + placementNotes,
      warnings: placement.warnings + placementNotes,
      dataCredit: configuration.data.source == .embeddedDigits ? digitsAttribution : [], firstStep: firstStep)
  }
}

extension LayerKind {
  /// The layer in a few words, as the network's table shows it.
  package var summary: String {
    switch self {
    case .conv2d(let filters, let size, let padding, let algorithm):
      "conv2d \(size)×\(size)×\(filters), \(padding.rawValue)"
        + (algorithm == .auto ? "" : ", \(algorithm.rawValue)")
    case .maxPool2d(let ties): "max_pool2d 2×2" + (ties == .all ? "" : ", ties first")
    case .averagePool2d: "avg_pool2d 2×2"
    case .dense(let units): "dense \(units)"
    case .relu, .flatten, .softmax: typeName
    }
  }
}
