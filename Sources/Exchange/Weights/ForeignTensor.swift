import Diagnostics
import Network

/// A tensor as another framework names and orders it, and what it is here.
package struct ForeignTensor: Sendable {
  package enum Content: Sendable {
    /// The parameter of this number in the network's table.
    case parameter(Int, AxisOrder)
    /// What the framework always has and Lockstep leaves out: all values are this.
    case constant(Float)
    /// The bias of a convolution that has none here, before a norm: taken from the running mean of this number, it changes
    /// nothing. A file may lack it.
    case biasBeforeNorm(runningMean: Int)
  }

  /// Whether a file may lack it.
  var isOptional: Bool { if case .biasBeforeNorm = content { true } else { false } }

  package var name: String
  package var shape: [Int]
  package var content: Content
  /// The layer it belongs to, by its number.
  package var layer: Int

  /// All tensors of a network, in the order of its layers.
  ///
  /// - Throws: `UserError(.badConfiguration)` if torchvision has no such net.
  package static func all(
    _ format: WeightFormat, _ graph: ModelGraph, _ table: ParameterTable
  ) throws(UserError) -> [ForeignTensor] {
    let modules = format == .torchvision ? try TorchvisionNames.modules(graph) : [:]
    var numbers: [String: Int] = [:]
    for (number, parameter) in table.parameters.enumerated() { numbers[parameter.name] = number }
    var all: [ForeignTensor] = []
    for (index, layer) in graph.layers.enumerated() {
      let module = modules[layer.name] ?? layer.name.split(separator: "/").joined(separator: ".")
      let parameters = graph.parameters(of: layer).compactMap { numbers["\(layer.name).\($0.part)"] }
      let norm = layer.kind.norm
      for number in parameters {
        let specification = table.parameters[number].specification
        let (part, order) = named(specification, format, isNorm: norm != nil)
        all.append(
          ForeignTensor(
            name: module + part, shape: order.shapeInFile, content: .parameter(number, order.axes), layer: index))
      }
      if format == .torchvision, let tensor = Self.biasBeforeNorm(index, module, graph, numbers) { all.append(tensor) }
      // PyTorch's norms have both a factor and a shift, or neither.
      guard let norm, format != .keras, norm.scale != norm.center else { continue }
      let channels = graph.values[layer.inputs[0]].shape.image.channels
      all.append(
        ForeignTensor(
          name: module + (norm.scale ? ".bias" : ".weight"), shape: [channels],
          content: .constant(norm.scale ? 0 : 1), layer: index))
    }
    return all
  }

  /// What torchvision's VGG has: a bias that the norm after it takes away again.
  private static func biasBeforeNorm(
    _ index: Int, _ module: String, _ graph: ModelGraph, _ numbers: [String: Int]
  ) -> ForeignTensor? {
    let layer = graph.layers[index]
    guard let convolution = layer.kind.type as? Conv2D, !convolution.usesBias else { return nil }
    let readers = graph.values[layer.output].consumers.map { graph.layers[$0] }
    guard readers.count == 1, readers[0].kind.norm != nil, let mean = numbers["\(readers[0].name).running_mean"]
    else { return nil }
    return ForeignTensor(
      name: "\(module).bias", shape: [convolution.filters], content: .biasBeforeNorm(runningMean: mean), layer: index)
  }

  /// The last part of a tensor's name, with what separates it, and its order.
  private static func named(
    _ parameter: ParameterSpecification, _ format: WeightFormat, isNorm: Bool
  ) -> (part: String, order: FileOrder) {
    switch format {
    case .pytorch, .torchvision: (".\(parameter.part)", FileOrder(pytorch: parameter))
    case .keras: ("/\(kerasPart(parameter, isNorm: isNorm))", FileOrder(keras: parameter))
    }
  }

  private static func kerasPart(_ parameter: ParameterSpecification, isNorm: Bool) -> String {
    switch parameter.role {
    case .weight: "kernel"
    case .scale: "gamma"
    case .bias: isNorm ? "beta" : "bias"
    case .runningStatistic: parameter.part == "running_mean" ? "moving_mean" : "moving_variance"
    }
  }
}

/// How a parameter's values lie in a file of another framework.
private struct FileOrder {
  var axes: AxisOrder
  var shapeInFile: [Int]

  /// Convolutions are [filters, channels / groups, height, width]; dense layers [units, inputs] with the inputs of a flattened
  /// image in the order channel, height, width.
  init(pytorch parameter: ParameterSpecification) {
    let shape = parameter.shape
    switch parameter.layout {
    case .convolution, .groupedConvolution:
      axes = AxisOrder([shape[0], shape[1], parameter.channels, parameter.outputs], [3, 2, 0, 1])
      shapeInFile = axes.permutedShape
    case .dense:
      axes = AxisOrder([parameter.outputs, parameter.positions, parameter.channels], [0, 2, 1])
      shapeInFile = shape
    case .vector:
      axes = AxisOrder(shape, [0])
      shapeInFile = shape
    }
  }

  /// Convolutions are as here; dense layers are [inputs, units].
  init(keras parameter: ParameterSpecification) {
    let shape = parameter.shape
    axes = AxisOrder(shape, parameter.layout == .dense ? [1, 0] : Array(shape.indices))
    shapeInFile = axes.permutedShape
  }
}
