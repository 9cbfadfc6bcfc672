import Network

// The form of each kind of layer in ONNX, in the order of `LayerRegistry`. A kind without one is refused by its name.

extension Conv2D: ONNXLayer {
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String {
    graph.convolution(site, window, groups: groups)
  }
}

extension DepthwiseConv2D: ONNXLayer {
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String {
    var site = site
    let weight = site.parameter("weight")
    // Channel by channel its filters: those of a convolution with as many groups.
    site.parameters["weight"]?.shape = [weight.shape[0], weight.shape[1], 1, weight.shape[2] * weight.shape[3]]
    return graph.convolution(site, window, groups: site.shape.channels)
  }
}

extension BatchNorm: ONNXLayer {
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String {
    let channels = site.shape.channels
    func vector(_ part: String, otherwise value: Float, _ graph: inout ONNXGraph) -> String {
      let values = site.parameters[part]?.values ?? [Float](repeating: value, count: channels)
      return graph.tensor(part, [channels], values)
    }
    let inputs = [
      site.x, vector("weight", otherwise: 1, &graph), vector("bias", otherwise: 0, &graph),
      vector("running_mean", otherwise: 0, &graph), vector("running_var", otherwise: 1, &graph),
    ]
    return graph.apply("BatchNormalization", inputs, ["epsilon": .float(Float(epsilon))])
  }
}

extension FrozenBatchNorm: ONNXLayer {
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String { norm.add(to: &graph, site) }
}

extension ReLU: ONNXLayer {
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String {
    guard let maximum else { return graph.apply("Relu", [site.x]) }
    let limits = [graph.tensor("min", [], [0]), graph.tensor("max", [], [Float(maximum)])]
    return graph.apply("Clip", [site.x] + limits)
  }
}

extension LeakyReLU: ONNXLayer {
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String {
    graph.apply("LeakyRelu", [site.x], ["alpha": .float(Float(slope))])
  }
}

extension GELU: ONNXLayer {
  /// x · (1 + erf(x / √2)) / 2; opset 17 has no operator for it.
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String {
    let scaled = graph.apply("Mul", [site.x, graph.tensor("scale", [], [Float(0.5.squareRoot())])])
    let share = graph.apply("Add", [graph.apply("Erf", [scaled]), graph.tensor("one", [], [1])])
    return graph.apply("Mul", [graph.apply("Mul", [site.x, share]), graph.tensor("half", [], [0.5])])
  }
}

extension SiLU: ONNXLayer {
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String {
    graph.apply("Mul", [site.x, graph.apply("Sigmoid", [site.x])])
  }
}

extension Dropout: ONNXLayer {
  /// Nothing, outside of training.
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String { site.x }
}

extension MaxPool2D: ONNXLayer {
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String {
    graph.apply(
      "MaxPool", [site.x],
      [
        "kernel_shape": .integers(window.size.sides), "pads": .integers(window.pads(on: site.shape)),
        "strides": .integers(window.strides.sides),
      ])
  }
}

extension AveragePool2D: ONNXLayer {
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String {
    graph.apply(
      "AveragePool", [site.x],
      [
        "count_include_pad": .integer(0), "kernel_shape": .integers(window.size.sides),
        "pads": .integers(window.pads(on: site.shape)), "strides": .integers(window.strides.sides),
      ])
  }
}

extension GlobalAveragePool2D: ONNXLayer {
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String {
    graph.apply("Flatten", [graph.apply("GlobalAveragePool", [site.x])], ["axis": .integer(1)])
  }
}

extension Flatten: ONNXLayer {
  /// Row-major over height, width and channel, so that the graph's N×C×H×W is turned back first.
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String {
    let isOneAxis = site.shape.channels == 1 || site.shape.height * site.shape.width == 1
    let images = isOneAxis ? site.x : graph.apply("Transpose", [site.x], ["perm": .integers([0, 2, 3, 1])])
    return graph.apply("Flatten", [images], ["axis": .integer(1)])
  }
}

extension Dense: ONNXLayer {
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String {
    let weight = site.parameter("weight")
    var inputs = [site.x, graph.tensor("weight", weight.shape, weight.values)]
    if let bias = site.parameters["bias"] { inputs.append(graph.tensor("bias", bias.shape, bias.values)) }
    return graph.apply("Gemm", inputs, ["transB": .integer(1)])
  }
}

extension Softmax: ONNXLayer {
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String {
    graph.apply("Softmax", [site.x], ["axis": .integer(1)])
  }
}

extension Add: ONNXLayer {
  package func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String { graph.apply("Add", site.inputs) }
}

// MARK: Shared

extension ONNXGraph {
  /// A convolution whose weight is [height, width, channels / groups, filters].
  fileprivate mutating func convolution(_ site: ONNXSite, _ window: Window, groups: Int) -> String {
    let weight = site.parameter("weight")
    let order = AxisOrder(weight.shape, [3, 2, 0, 1])
    var inputs = [site.x, tensor("weight", order.permutedShape, order.permuted(weight.values))]
    if let bias = site.parameters["bias"] { inputs.append(tensor("bias", bias.shape, bias.values)) }
    return apply(
      "Conv", inputs,
      [
        "dilations": .integers(window.dilation.sides), "group": .integer(groups),
        "kernel_shape": .integers(window.size.sides), "pads": .integers(window.pads(on: site.shape)),
        "strides": .integers(window.strides.sides),
      ])
  }
}

extension Window {
  /// Zeros around an image: top, left, bottom, right.
  fileprivate func pads(on image: ImageShape) -> [Int] {
    let zeros = zeros(around: image)
    return [zeros.top, zeros.left, zeros.bottom, zeros.right]
  }
}
