import Collectives
import Datasets
import Machine
import Network

extension RunPlan {
  /// What a run of this plan is, for its header.
  ///
  /// - Parameter dataNotes: what the user should know about the data sets.
  func description(
    trainingExamples: Int, testExamples: Int, firstStep: Int, dataNotes: [String] = []
  ) -> RunDescription {
    let layers = RunDescription.layers(of: network.graph)
    let trained = layers.reduce(0) { $0 + $1.parameterCount }
    return RunDescription(
      layers: layers, parameterCount: trained, statisticCount: network.parameters.elementCount - trained,
      memory: memoryPlan, trainingExamples: trainingExamples, testExamples: testExamples,
      epochs: configuration.training.epochs, stepsPerEpoch: shards.stepsPerEpoch,
      batchSize: configuration.training.batchSize, shardSize: shards.shardSize, placement: placement,
      kernels: kernels.name, notes: placement.notes + placementNotes + dataNotes,
      warnings: placement.warnings + placementNotes,
      dataCredit: configuration.data.source == .embeddedDigits ? digitsAttribution : [], firstStep: firstStep)
  }
}

extension RunDescription {
  /// The entries of a model, as its configuration has them.
  package static func layers(of graph: ModelGraph) -> [Layer] {
    var next = 0
    return (graph.model.entries ?? graph.model.layers.map { .layer($0) }).map { entry in
      let layers = graph.layers[next..<next + entry.layerCount]
      next = layers.endIndex
      var note = ""
      if case .layer(let layer) = entry, layers.contains(where: { !graph.parameters(of: $0).isEmpty }) {
        note = !layer.isTrainable ? ", not trained" : layer.rateScale == 1 ? "" : ", lr × \(layer.rateScale)"
      }
      return Layer(
        name: entry.name, summary: entry.summary + note, detail: entry.detail,
        outputShape: graph.values[graph.layers[next - 1].output].shape,
        parameterCount: layers.flatMap { graph.parameters(of: $0) }.reduce(0) { sum, parameter in
          parameter.role.isTrained ? sum + parameter.elementCount : sum
        })
    }
  }
}
