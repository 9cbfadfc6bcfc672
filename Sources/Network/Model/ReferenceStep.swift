import ReferenceKernels

/// What the naive twin of a layer reads: all examples of a batch, in public layouts.
package struct ReferenceStep: Sendable {
  package var inputs: [Tensor4]
  /// The layer's parameters by the last part of their names, such as `weight`.
  package var parameters: [String: [Double]]
  package var labels: [Int]
  /// The layer's number in the model.
  package var layer: Int
  package var draws: ReferenceDraws

  package init(
    inputs: [Tensor4], parameters: [String: [Double]], labels: [Int], layer: Int = 0,
    draws: ReferenceDraws = ReferenceDraws()
  ) {
    self.inputs = inputs
    self.parameters = parameters
    self.labels = labels
    self.layer = layer
    self.draws = draws
  }

  /// The only input of a layer with one.
  package var x: Tensor4 { inputs[0] }

  package func parameter(_ part: String) -> [Double] {
    guard let values = parameters[part] else { fatalError("The reference network lacks a \(part).") }
    return values
  }
}

/// What the naive twin of a layer computes.
package struct ReferenceResult {
  package var output: Tensor4
  /// The mean loss, of the layer that ends the model.
  package var loss: Double?
  /// The gradients from that of the output; the layer that ends the model does not look at its argument.
  package var backward: (Tensor4) -> ReferenceGradients

  package init(output: Tensor4, loss: Double? = nil, backward: @escaping (Tensor4) -> ReferenceGradients) {
    self.output = output
    self.loss = loss
    self.backward = backward
  }
}

/// Gradients that the naive twin of a layer passes on.
package struct ReferenceGradients {
  /// Of the *summed* loss by each input.
  package var inputs: [Tensor4]
  /// By the last part of the parameters' names, of the mean loss.
  package var parameters: [String: [Double]]

  package init(inputs: [Tensor4], parameters: [String: [Double]] = [:]) {
    self.inputs = inputs
    self.parameters = parameters
  }
}

extension Tensor4 {
  /// The same values with another shape of an example, or other values of the same shape.
  func with(_ shape: ImageShape? = nil, values: [Double]? = nil) -> Tensor4 {
    Tensor4(
      count: count, height: shape?.height ?? height, width: shape?.width ?? width,
      channels: shape?.channels ?? channels,
      values: values ?? self.values)
  }
}
