import Collectives
import Datasets
import Machine
import Network

extension RunPlan {
  /// What a run of this plan is, for its header.
  func description(trainingExamples: Int, testExamples: Int, firstStep: Int) -> RunDescription {
    let graph = network.graph
    let layers = graph.layers.map { layer in
      RunDescription.Layer(
        name: layer.name, summary: layer.kind.summary, outputShape: graph.values[layer.output].shape,
        parameterCount: graph.parameters(of: layer).reduce(0) { $0 + $1.elementCount })
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
