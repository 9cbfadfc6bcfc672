import Network

/// Random nets for inference alone: those of `RandomLayers` with norms behind more layers and more residual blocks between them.
package enum RandomNormedNetwork {
  /// The same model for a seed everywhere.
  package static func model(seed: UInt64) throws -> ModelSpecification {
    var draw = Draw(seed: seed, stream: 100)
    let plan = RandomLayers(&draw)
    var shape = ValueShape(plan.model.input)
    var (names, entries): (LayerNames, [ModelEntry]) = (LayerNames(), [])
    func add(_ kind: LayerKind) throws {
      entries.append(.layer(LayerSpecification(name: names.next(kind.typeName), kind: kind)))
      shape = try kind.type.outputShape([shape])
    }
    for entry in plan.model.entries ?? plan.model.layers.map({ .layer($0) }) {
      switch entry {
      case .residual(var block):
        block.name = names.next(ResidualBlock.typeName)
        shape = try block.outcome(shape).shape
        entries.append(.residual(block))
      case .layer(let layer):
        try add(layer.kind)
        let isFlattened = layer.kind.type is Flatten || shape.isFlat && !(layer.kind.type is Dense)
        if !isFlattened, !(layer.kind.type is Softmax), draw.chance(35) { try add(norm(&draw)) }
        if !shape.isFlat, draw.chance(25) {
          entries.append(.residual(block(names.next(ResidualBlock.typeName), shape.image.channels, &draw)))
        }
      }
    }
    return ModelSpecification(input: plan.model.input, entries: entries)
  }

  private static func norm(_ draw: inout Draw) -> LayerKind {
    LayerKind(BatchNorm(epsilon: draw.pick([1e-5, 1e-3]), center: draw.chance(80), scale: draw.chance(80)))
  }

  /// A block that keeps its input's shape.
  private static func block(_ name: String, _ channels: Int, _ draw: inout Draw) -> ResidualBlock {
    let convolution = LayerKind(Conv2D(filters: channels, Window(Extent(3), padding: .same), usesBias: draw.chance(30)))
    let main: [LayerKind] = draw.pick([
      [convolution, norm(&draw)], [convolution, norm(&draw), .relu, convolution], [norm(&draw), .relu, convolution],
    ])
    let shortcut: [LayerKind] = draw.pick([[], [], [LayerKind(Conv2D(filters: channels, Window(Extent(1))))]])
    return ResidualBlock(
      name: name, layers: TestNetworks.named(main), shortcut: TestNetworks.named(shortcut),
      activation: draw.pick([nil, .relu, LayerKind(LeakyReLU(slope: 0.01))]), times: draw.pick([1, 1, 2]))
  }

  /// Weights as He's, norms and statistics around 1 and 0: in layer order, in public layouts.
  package static func parameters(
    _ graph: ModelGraph, seed: UInt64, normScale: Float = 1
  ) -> [(name: String, shape: [Int], values: [Float])] {
    var draw = Draw(seed: seed, stream: 101)
    return graph.layers.flatMap { layer in
      graph.parameters(of: layer).map { parameter in
        let fanIn = parameter.positions * parameter.channels
        let deviation = Float((2 / Double(fanIn)).squareRoot())
        let values = (0..<parameter.elementCount).map { _ in
          let normal = draw.normal()
          return switch (parameter.role, parameter.part) {
          case (.weight, _): normal * deviation
          case (.scale, _): normScale * (1 + 0.2 * normal)
          case (.runningStatistic, "running_var"): 0.5 + abs(normal)
          case (.bias, _), (.runningStatistic, _): 0.2 * normal
          }
        }
        return ("\(layer.name).\(parameter.part)", parameter.shape, values)
      }
    }
  }

  /// Random bytes of `count` images, or as many floats near 0.
  package static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var draw = Draw(seed: seed, stream: 102)
    return (0..<count).map { _ in UInt8(draw.below(256)) }
  }
}
