/// A model of the Open Neural Network Exchange format, as far as Lockstep's nets need it: one graph with one input and one
/// output, whose first dimension is any number of images.
///
/// Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, from which the numbers of fields below are.
package struct ONNXModel: Sendable, Hashable {
  /// The version of the standard operators: that of ONNX 1.12, the first with everything needed that runtimes of 2022 know.
  package static let opset = 17
  /// The version of the file format that belongs to it.
  package static let irVersion = 8

  package enum ElementType: Int, Sendable, Hashable {
    case float = 1
    case uint8 = 2
    case int64 = 7
  }

  package enum Attribute: Sendable, Hashable {
    case float(Float)
    case integer(Int)
    case integers([Int])
  }

  package struct Node: Sendable, Hashable {
    package var operation: String
    package var name: String
    package var inputs: [String]
    package var output: String
    /// In alphabetical order.
    package var attributes: [(name: String, value: Attribute)]

    package static func == (a: Node, b: Node) -> Bool { a.message == b.message }
    package func hash(into hasher: inout Hasher) { hasher.combine(message) }
  }

  /// Values that are part of the file.
  package struct Tensor: Sendable, Hashable {
    package var name: String
    package var shape: [Int]
    package var values: [Float]
  }

  /// The input or the output: images or rows of values.
  package struct Port: Sendable, Hashable {
    package var name: String
    package var type: ElementType
    /// Of one image.
    package var shape: [Int]
    package var documentation: String
  }

  package var name: String
  package var producerVersion: String
  package var nodes: [Node]
  package var tensors: [Tensor]
  package var input: Port
  package var output: Port
  /// In the order in which they are written.
  package var metadata: [(key: String, value: String)]

  package static func == (a: ONNXModel, b: ONNXModel) -> Bool { a.message == b.message }
  package func hash(into hasher: inout Hasher) { hasher.combine(message) }
}

extension ONNXModel {
  /// The file's content.
  package var message: ProtobufMessage {
    var graph = ProtobufMessage()
    for node in nodes { graph.add(1, message: node.message) }
    graph.add(2, text: name)
    for tensor in tensors { graph.add(5, message: tensor.message) }
    graph.add(11, message: input.message)
    graph.add(12, message: output.message)

    var opset = ProtobufMessage()
    opset.add(1, text: "")
    opset.add(2, integer: Self.opset)

    var model = ProtobufMessage()
    model.add(1, integer: Self.irVersion)
    model.add(2, text: "lockstep")
    model.add(3, text: producerVersion)
    model.add(7, message: graph)
    model.add(8, message: opset)
    for (key, value) in metadata {
      var entry = ProtobufMessage()
      entry.add(1, text: key)
      entry.add(2, text: value)
      model.add(14, message: entry)
    }
    return model
  }
}

extension ONNXModel.Node {
  fileprivate var message: ProtobufMessage {
    var node = ProtobufMessage()
    for input in inputs { node.add(1, text: input) }
    node.add(2, text: output)
    node.add(3, text: name)
    node.add(4, text: operation)
    for (name, value) in attributes {
      var attribute = ProtobufMessage()
      attribute.add(1, text: name)
      switch value {
      case .float(let value):
        attribute.add(2, float: value)
        attribute.add(20, integer: 1)
      case .integer(let value):
        attribute.add(3, integer: value)
        attribute.add(20, integer: 2)
      case .integers(let values):
        for value in values { attribute.add(8, integer: value) }
        attribute.add(20, integer: 7)
      }
      node.add(5, message: attribute)
    }
    return node
  }
}

extension ONNXModel.Tensor {
  fileprivate var message: ProtobufMessage {
    var tensor = ProtobufMessage()
    for size in shape { tensor.add(1, integer: size) }
    tensor.add(2, integer: ONNXModel.ElementType.float.rawValue)
    tensor.add(8, text: name)
    tensor.add(9, floats: values)
    return tensor
  }
}

extension ONNXModel.Port {
  fileprivate var message: ProtobufMessage {
    var shape = ProtobufMessage()
    var batch = ProtobufMessage()
    batch.add(2, text: "batch")
    shape.add(1, message: batch)
    for size in self.shape {
      var dimension = ProtobufMessage()
      dimension.add(1, integer: size)
      shape.add(1, message: dimension)
    }
    var tensor = ProtobufMessage()
    tensor.add(1, integer: type.rawValue)
    tensor.add(2, message: shape)
    var type = ProtobufMessage()
    type.add(1, message: tensor)
    var port = ProtobufMessage()
    port.add(1, text: name)
    port.add(2, message: type)
    port.add(3, text: documentation)
    return port
  }
}
