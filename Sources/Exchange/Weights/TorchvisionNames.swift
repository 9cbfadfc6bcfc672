import Diagnostics
import Network

/// What torchvision's models call the layers of a net that is built like one of them: ResNet with `layer1.0.conv1`, VGG with
/// `features.0`, MobileNetV2 with `features.1.conv.0.0`.
///
/// Source: torchvision/models/resnet.py, vgg.py and mobilenetv2.py, https://github.com/pytorch/vision.
enum TorchvisionNames {
  /// The module of every layer with parameters, by the layer's name.
  ///
  /// - Throws: `UserError(.badConfiguration)` for a layer that neither kind of net has.
  static func modules(_ graph: ModelGraph) throws(UserError) -> [String: String] {
    if graph.layers.contains(where: { $0.kind.type is DepthwiseConv2D }) { return try inverted(graph) }
    return graph.layers.contains { $0.kind.type is Add } ? try residual(graph) : try chain(graph)
  }

  // MARK: MobileNetV2

  /// A stem, blocks of a convolution to more channels (not in the first), a depthwise one and one to fewer, a last convolution,
  /// each with a norm; a dense layer after a dropout.
  private static func inverted(_ graph: ModelGraph) throws(UserError) -> [String: String] {
    var modules: [String: String] = [:]
    let convolutions = graph.layers.filter { $0.kind.type is Conv2D || $0.kind.type is DepthwiseConv2D }
    var (next, feature) = (0, 0)
    func isDepthwise(_ number: Int) -> Bool {
      number < convolutions.count && convolutions[number].kind.type is DepthwiseConv2D
    }
    while next < convolutions.count {
      let expands = feature > 0 && !isDepthwise(next) && isDepthwise(next + 1)
      guard expands || isDepthwise(next) else {
        modules[convolutions[next].name] = "features.\(feature).0"
        (next, feature) = (next + 1, feature + 1)
        continue
      }
      for part in 0..<(expands ? 3 : 2) where next < convolutions.count {
        let isLast = part == (expands ? 2 : 1)
        modules[convolutions[next].name] = "features.\(feature).conv.\(part)" + (isLast ? "" : ".0")
        next += 1
      }
      feature += 1
    }
    // A norm counts on from its convolution.
    var before: String?
    for (index, layer) in graph.layers.enumerated() where !graph.parameters(of: layer).isEmpty {
      if let module = modules[layer.name] {
        before = module
      } else if layer.kind.norm != nil, let module = before, let dot = module.lastIndex(of: "."),
        let number = Int(module[module.index(after: dot)...])
      {
        modules[layer.name] = "\(module[...dot])\(number + 1)"
        before = nil
      } else if layer.kind.type is Dense {
        modules[layer.name] = "classifier.1"
      } else {
        throw unknown(graph, index)
      }
    }
    return modules
  }

  // MARK: VGG

  /// `features` counts all layers up to the flattening, `classifier` a dense layer, a ReLU and a dropout each.
  private static func chain(_ graph: ModelGraph) throws(UserError) -> [String: String] {
    var (modules, features, dense): ([String: String], Int, Int) = ([:], 0, 0)
    for (index, layer) in graph.layers.enumerated() {
      let isFlat = graph.values[layer.output].shape.isFlat
      if graph.parameters(of: layer).isEmpty {
        if !isFlat { features += 1 }
      } else if !isFlat {
        modules[layer.name] = "features.\(features)"
        features += 1
      } else if layer.kind.type is Dense {
        modules[layer.name] = "classifier.\(3 * dense)"
        dense += 1
      } else {
        throw unknown(graph, index)
      }
    }
    return modules
  }

  // MARK: ResNet

  /// A stem of a convolution and a norm; blocks, in stages that end where the channels change; a dense layer.
  private static func residual(_ graph: ModelGraph) throws(UserError) -> [String: String] {
    var modules: [String: String] = [:]
    var (stage, block, channels) = (0, 0, 0)
    var (convolutions, norms) = (0, 0)
    let blocks = Set(graph.layers.filter { $0.kind.type is Add }.map { $0.name.dropLast("/add".count) })
    var current: Substring?
    for (index, layer) in graph.layers.enumerated() {
      let name = blocks.first { layer.name.hasPrefix("\($0)/") }
      if let name, name != current {
        // The sum's channels are those of all layers that the block ends with.
        let sum = graph.layers.first { $0.name == "\(name)/add" } ?? layer
        let outputs = graph.values[sum.output].shape.image.channels
        (stage, block) = outputs == channels ? (stage, block + 1) : (stage + 1, 0)
        (channels, convolutions, norms) = (outputs, 0, 0)
      }
      current = name
      guard !graph.parameters(of: layer).isEmpty else { continue }
      let inner = name.map { layer.name.dropFirst($0.count + 1) }
      let prefix = inner == nil ? "" : "layer\(stage).\(block)."
      let isShortcut = inner?.hasPrefix("shortcut/") ?? false
      switch layer.kind.type {
      case is Conv2D where isShortcut: modules[layer.name] = "\(prefix)downsample.0"
      case is BatchNorm where isShortcut, is FrozenBatchNorm where isShortcut:
        modules[layer.name] = "\(prefix)downsample.1"
      case is Conv2D:
        convolutions += 1
        modules[layer.name] = "\(prefix)conv\(convolutions)"
      case is BatchNorm, is FrozenBatchNorm:
        norms += 1
        modules[layer.name] = "\(prefix)bn\(norms)"
      case is Dense where inner == nil: modules[layer.name] = "fc"
      default: throw unknown(graph, index)
      }
    }
    return modules
  }

  private static func unknown(_ graph: ModelGraph, _ index: Int) -> UserError {
    graph.failure(
      index, "a \(graph.layers[index].kind.typeName) is in no model of torchvision that is known here",
      hint: "known are ResNet (preset \"resnet18\", \"resnet34\", \"resnet50\"), VGG with norms and MobileNetV2")
  }
}
