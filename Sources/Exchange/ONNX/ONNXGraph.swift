/// The nodes and tensors of a graph while layers add theirs.
///
/// A value is called after its node, a node after its layer, with the operation behind a slash where a layer has several.
package struct ONNXGraph: Sendable {
  package private(set) var nodes: [ONNXModel.Node] = []
  package private(set) var tensors: [ONNXModel.Tensor] = []
  private var names: Set<String> = []
  /// What nodes and tensors are called after.
  package var scope = ""

  package init() {}

  /// Adds a node.
  /// - Parameter attributes: in alphabetical order.
  /// - Returns: the value that it computes.
  package mutating func apply(
    _ operation: String, _ inputs: [String], _ attributes: KeyValuePairs<String, ONNXModel.Attribute> = [:]
  ) -> String {
    var (name, number) = (scope, 1)
    while !names.insert(name).inserted {
      name = "\(scope)/\(operation)" + (number == 1 ? "" : "_\(number)")
      number += 1
    }
    nodes.append(
      ONNXModel.Node(
        operation: operation, name: name, inputs: inputs, output: name,
        attributes: attributes.map { (name: $0.key, value: $0.value) }))
    return name
  }

  /// Adds values that are part of the file, called `<layer>.<part>`.
  package mutating func tensor(_ part: String, _ shape: [Int], _ values: [Float]) -> String {
    let name = "\(scope).\(part)"
    tensors.append(ONNXModel.Tensor(name: name, shape: shape, values: values))
    return name
  }

  /// Gives the last node's value the name by which the graph's users know it.
  package mutating func nameOutput(_ name: String) { nodes[nodes.count - 1].output = name }
}
