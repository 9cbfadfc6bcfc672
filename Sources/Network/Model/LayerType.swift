import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// A kind of layer with its settings, such as a 3×3 convolution with 32 filters: everything except its place in a net.
///
/// One file in `Layers/` holds all of a kind of layer: this specification and the `Layer` that does the work.
/// `LayerRegistry` lists the kinds that a configuration can name.
package protocol LayerType: Hashable, Sendable {
  /// The configuration's name of the type, also the stem of automatic layer names (`conv2d_1`).
  static var typeName: String { get }
  /// Its keys beside `type` and `name`, in the documented order.
  static var keys: [ConfigurationKey] { get }
  /// From a value for each of `keys`.
  init(_ values: KeyValues)
  /// The other way round: a value for each key that has more than one.
  var values: KeyValues { get }
  /// The layer in a few words, as the network's table shows it.
  var summary: String { get }
  /// What its place in a net depends on.
  var traits: LayerTraits { get }
  /// The ReLU that it is, which the layer before it can apply.
  var relu: FusedReLU? { get }

  /// The shape of its output.
  /// - Throws: `LayerMisfit` if it cannot take such inputs.
  func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape
  /// Its parameters over inputs of these shapes, in the order in which files and digests hold them.
  ///
  /// Flat values come as 1×1×n or as the shape that was flattened, which decides how they are packed, not what they are.
  func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification]
  /// Products that are summed in a forward pass over one example; 0 for layers without sums of products.
  func products(_ inputs: [ValueShape], output: ValueShape) -> Int

  /// What stands in its place where it is not trained: itself, if its passes then only leave out its parameters' gradients.
  var frozen: any LayerType { get }

  /// The same layer with a bias, where each channel of its output is a sum of products with weights of its own, plus a bias;
  /// `nil` for other kinds of layers.
  var withBias: (any LayerType)? { get }

  /// The naive twin, in plain loops over Double.
  func reference(_ step: ReferenceStep) -> ReferenceResult

  /// What it asks of the memory around it.
  /// - Throws: `LayerMisfit` if the kernels cannot address what it would take.
  func demands(_ site: LayerSite) throws(LayerMisfit) -> LayerDemands
  /// The layer at work.
  func layer(_ place: LayerPlace) -> any Layer
}

/// What decides where a layer can stand and how it is computed together with its neighbours.
package struct LayerTraits: OptionSet, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  /// It ends the model: its output is the probabilities, and its backward pass starts all others.
  package static let isLoss = LayerTraits(rawValue: 1)
  /// It gives its input another shape, and computes nothing.
  package static let renames = LayerTraits(rawValue: 2)
  /// It can apply a ReLU to its output.
  package static let appliesReLU = LayerTraits(rawValue: 4)
  /// It can mask the gradient of its input, if the layer before applied a ReLU to its output.
  package static let masksInputGradient = LayerTraits(rawValue: 8)
  /// It reads images whose channels are not padded to whole vectors.
  package static let readsUnpaddedInput = LayerTraits(rawValue: 16)
  /// It takes a chunk of images at a time, and its weight gradients are summed for a whole run.
  package static let takesChunks = LayerTraits(rawValue: 32)
  /// Its backward pass does not read its input.
  package static let forgetsInput = LayerTraits(rawValue: 64)
  /// Its backward pass reads its input only to mask its gradient.
  package static let forgetsUnmaskedInput = LayerTraits(rawValue: 128)
  /// Computing its output once more costs less than keeping it for the backward pass of the layer that reads it.
  package static let recomputesOutput = LayerTraits(rawValue: 256)
  /// Its backward pass reads its output.
  package static let readsOutput = LayerTraits(rawValue: 512)
  /// The gradient of each of its inputs is that of its output, but for a mask.
  package static let passesGradient = LayerTraits(rawValue: 1024)
}

/// Why a layer cannot stand where it does.
package struct LayerMisfit: Error {
  package var message: String
  package var hint: String?

  package init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }
}

/// Any type of layer; what a `LayerSpecification` holds.
package struct LayerKind: Hashable, Sendable {
  package var type: any LayerType

  package init(_ type: some LayerType) { self.type = type }

  package static func == (a: LayerKind, b: LayerKind) -> Bool { a.type.equals(b.type) }
  package func hash(into hasher: inout Hasher) { type.hash(into: &hasher) }

  package var typeName: String { Swift.type(of: type).typeName }
  /// What stands in its place where it is not trained.
  package var frozen: LayerKind {
    var kind = self
    kind.type = type.frozen
    return kind
  }
  package var summary: String { type.summary }
  package var traits: LayerTraits { type.traits }
  package var relu: FusedReLU? { type.relu }
}

extension LayerType {
  package var relu: FusedReLU? { nil }
  package var frozen: any LayerType { self }
  package var withBias: (any LayerType)? { nil }

  fileprivate func equals(_ other: any LayerType) -> Bool { other as? Self == self }
}
