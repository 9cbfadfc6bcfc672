/// The types of layers that a configuration can name, in the order in which errors and the reference list them.
package enum LayerRegistry {
  package static let types: [any LayerType.Type] = [
    Conv2D.self, DepthwiseConv2D.self, BatchNorm.self, ReLU.self, LeakyReLU.self, GELU.self, SiLU.self, Dropout.self,
    MaxPool2D.self, AveragePool2D.self, GlobalAveragePool2D.self, Flatten.self, Dense.self, Softmax.self,
  ]

  /// Those with parameters, which can be left untrained or trained at another rate.
  package static let parametric: [any LayerType.Type] = [
    Conv2D.self, DepthwiseConv2D.self, BatchNorm.self, Dense.self,
  ]

  package static var typeNames: [String] { types.map { $0.typeName } }

  package static func type(named name: String) -> (any LayerType.Type)? { types.first { $0.typeName == name } }
}
