import ReferenceKernels

/// A whole network through the naive twins, in Double and public layouts: slow, obvious, and what the kernels are
/// compared with.
package struct ReferenceNetwork: Sendable {
  package let model: ModelSpecification
  /// By parameter name, in public layouts.
  package var parameters: [String: [Double]]

  package init(_ model: ModelSpecification, parameters: [String: [Double]]) {
    self.model = model
    self.parameters = parameters
  }

  /// Everything one pass computes.
  package struct Pass: Sendable {
    /// `activations[l]` is the input of layer l; the last is the probabilities.
    package var activations: [Tensor4]
    /// The mean loss.
    package var loss: Double
    /// `1/m`-scaled gradients by parameter name.
    package var gradients: [String: [Double]]
    /// Gradient of the *summed* loss by the images.
    package var inputGradient: Tensor4
  }

  /// The mean loss alone.
  package func loss(_ images: Tensor4, labels: [Int]) -> Double { forward(images, labels: labels).loss }

  /// Forward and backward over all of `images`.
  package func pass(_ images: Tensor4, labels: [Int]) -> Pass {
    let forward = forward(images, labels: labels)
    var gradients: [String: [Double]] = [:]
    var gradient = forward.dz
    for (l, layer) in model.layers.enumerated().reversed() {
      let x = forward.activations[l]
      switch layer.kind {
      case .conv2d(let filters, let size, let padding, _):
        let convolution = ReferenceConvolution(kernelSize: size, same: padding == .same, filters: filters)
        let (dw, db) = convolution.parameterGradients(x, dz: gradient)
        gradients["\(layer.name).weight"] = dw
        gradients["\(layer.name).bias"] = db
        gradient = convolution.inputGradient(x, dz: gradient, w: parameter(layer, "weight"))
      case .relu:
        gradient.values = ReferenceReLU.backward(x.values, da: gradient.values)
      case .maxPool2d, .averagePool2d:
        gradient = ReferencePooling.backward(dout: gradient, mask: forward.masks[l] ?? gradient)
      case .flatten:
        gradient = Tensor4(
          count: x.count, height: x.height, width: x.width, channels: x.channels, values: gradient.values)
      case .dense(let units):
        let dense = ReferenceDense(inputs: x.height * x.width * x.channels, outputs: units)
        let (dw, db, da) = dense.backward(x.values, dz: gradient.values, w: parameter(layer, "weight"))
        gradients["\(layer.name).weight"] = dw
        gradients["\(layer.name).bias"] = db
        gradient = Tensor4(count: x.count, height: x.height, width: x.width, channels: x.channels, values: da)
      case .softmax:
        break
      }
    }
    return Pass(
      activations: forward.activations, loss: forward.loss, gradients: gradients, inputGradient: gradient)
  }

  private struct Forward {
    var activations: [Tensor4]
    var masks: [Int: Tensor4] = [:]
    var loss = 0.0
    var dz: Tensor4
  }

  private func forward(_ images: Tensor4, labels: [Int]) -> Forward {
    var result = Forward(activations: [images], dz: images)
    for (l, layer) in model.layers.enumerated() {
      let x = result.activations[l]
      var out = x
      switch layer.kind {
      case .conv2d(let filters, let size, let padding, _):
        out = ReferenceConvolution(kernelSize: size, same: padding == .same, filters: filters)
          .forward(x, w: parameter(layer, "weight"), bias: parameter(layer, "bias"))
      case .relu:
        out.values = ReferenceReLU.forward(x.values)
      case .maxPool2d(let ties):
        (out, result.masks[l]) = (ties == .all ? ReferencePooling.maxAll : .maxFirst).forward(x)
      case .averagePool2d:
        (out, result.masks[l]) = ReferencePooling.average.forward(x)
      case .flatten:
        out = Tensor4(
          count: x.count, height: 1, width: 1, channels: x.height * x.width * x.channels, values: x.values)
      case .dense(let units):
        let z = ReferenceDense(inputs: x.height * x.width * x.channels, outputs: units)
          .forward(x.values, w: parameter(layer, "weight"), bias: parameter(layer, "bias"))
        out = Tensor4(count: x.count, height: 1, width: 1, channels: units, values: z)
      case .softmax:
        let (probabilities, loss, dz) = ReferenceSoftmax.evaluate(x.values, classes: x.channels, labels: labels)
        out.values = probabilities
        result.loss = loss
        result.dz = x
        result.dz.values = dz
      }
      result.activations.append(out)
    }
    return result
  }

  private func parameter(_ layer: LayerSpecification, _ part: String) -> [Double] {
    guard let values = parameters["\(layer.name).\(part)"] else {
      fatalError("The reference network has no parameter \(layer.name).\(part).")
    }
    return values
  }
}
