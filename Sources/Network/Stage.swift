import KernelInterface

/// What a network executes: one or more layers of the configuration, computed together.
///
/// Stage `i` reads map `i` and writes map `i + 1`. A ReLU behind a convolution or dense layer is part of that stage;
/// `flatten` is none, as it only renames a map without halo.
enum Stage {
  case correlation(CorrelationStage)
  case pool(PoolStage)
  case relu
  case softmax(classes: Int)
}

/// A convolution, or a dense layer as the `valid` convolution whose kernel is the whole map.
struct CorrelationStage {
  /// Name of the layer in the configuration.
  var name: String
  var isDense: Bool
  var kernelHeight: Int
  var kernelWidth: Int
  /// Zero rows and columns before the first pixel: (F − 1)/2 rounded down for `same`, 0 for `valid`.
  var padBefore: Int
  var padAfter: Int
  var fusesReLU: Bool
  /// Indices into the parameter table.
  var weight: Int
  var bias: Int
  /// Whether the gradient of the stage's input is needed.
  var needsInputGradient: Bool
  /// Start of the transposed weights in the prepared buffer; meaningless without input gradient.
  var preparedOffset: Int
  /// Parts in which a dense layer's input gradient is computed: 1, or the rows of a map with a halo.
  var inputGradientSegments: Int

  var positions: Int { kernelHeight * kernelWidth }

  /// Offset tables for the three passes, see `CorrelationPasses.swift`.
  var tables: Tables
  struct Tables {
    /// Rows of the forward pass: pixels of one image, or images of a dense layer.
    var forwardInput: OffsetTable
    var forwardOutput: OffsetTable
    /// Rows of the weight gradient: (a, b, c) of the kernel.
    var weightRows: OffsetTable
    var weightOutput: OffsetTable
    /// Rows of the input gradient, `nil` where none is needed.
    var inputGradientSource: OffsetTable?
    var inputGradientTarget: OffsetTable?
    /// Where the ReLU mask of each row lies in the input map.
    var inputMask: OffsetTable?
  }
}

/// A 2×2 pooling layer.
struct PoolStage {
  var name: String
  var kind: PoolKind
  /// The input is a ReLU's output, whose gradient is applied in the same pass.
  var inputIsReLU: Bool
}
