import Configuration
import Network
import Storage

/// What inferences run: a network with its weights, norms computed in the layers before them where that is exact enough.
///
/// Evaluations during training do not fold norms: what early stopping, plateaus and `keep_best` decide then follows from the
/// values that the run's metrics show.
package struct InferenceModel: Sendable {
  package let configuration: RunConfiguration
  package let weights: [NamedTensor]
  package let norms: FoldedNorms.Count

  /// - Parameters:
  ///   - weights: those of the configuration's network.
  ///   - foldsNorms: whether any norm is folded.
  package init(_ configuration: RunConfiguration, weights: [NamedTensor], foldsNorms: Bool = true) throws {
    let folded = FoldedNorms(try ModelGraph(configuration.model), weights, folds: foldsNorms)
    var own = configuration
    own.model = folded.model
    self.configuration = own
    self.weights = folded.weights
    norms = folded.norms
  }
}
