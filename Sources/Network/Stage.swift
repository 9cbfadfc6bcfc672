import KernelInterface

/// What a network executes: one or more layers of the configuration, computed together.
///
/// Stage `i` reads map `i` and writes map `i + 1`. A ReLU behind a convolution or dense layer is part of that stage;
/// `flatten` is none, as it only renames a map without halo.
enum Stage {
  case convolution(ConvolutionStage)
  case dense(DenseStage)
  case pool(PoolStage)
  case relu
  case softmax(classes: Int)

  /// Number of the weight in the parameter table; `nil` for stages without parameters.
  var weight: Int? {
    switch self {
    case .convolution(let s): s.weight
    case .dense(let s): s.weight
    case .pool, .relu, .softmax: nil
    }
  }

  /// Whether the stage has parameters.
  var isTrainable: Bool { weight != nil }

  /// Whether the stage's output is a ReLU's.
  var fusesReLU: Bool {
    switch self {
    case .convolution(let s): s.fusesReLU
    case .dense(let s): s.fusesReLU
    case .pool, .relu, .softmax: false
    }
  }
}

/// A convolution with stride 1.
struct ConvolutionStage {
  /// Name of the layer in the configuration.
  var name: String
  var kernelSize: Int
  /// Zero rows and columns before the first pixel: (F − 1)/2 rounded down for `same`, 0 for `valid`; and after the last.
  var padBefore: Int
  var padAfter: Int
  var fusesReLU: Bool
  /// Indices into the parameter table.
  var weight: Int
  var bias: Int
  /// Whether the gradient of the stage's input is needed.
  var needsInputGradient: Bool
  /// How it is computed; part of the numerics.
  var winograd: WinogradPlan?
  /// Start in the prepared buffer of what the forward pass reads (Winograd only) and of what the input gradient reads.
  var preparedForward = 0
  var preparedBackward = 0
  var tables: DirectTables?

  var positions: Int { kernelSize * kernelSize }

  /// Offset tables of the direct passes.
  struct DirectTables {
    /// Rows of the forward pass: the pixels of one image.
    var forwardInput: OffsetTable
    var forwardOutput: OffsetTable
    /// Rows of the weight gradient: (a, b, c) of the kernel.
    var weightRows: OffsetTable
    var weightOutput: OffsetTable
    /// Rows of the input gradient.
    var gradientSource: OffsetTable
    var gradientTarget: OffsetTable
    /// Where the ReLU mask of each row lies in the input map.
    var inputMask: OffsetTable
  }
}

/// A fully connected layer over a map without halo, whose pixels are its inputs in row-major order.
struct DenseStage {
  var name: String
  var fusesReLU: Bool
  var weight: Int
  var bias: Int
  var needsInputGradient: Bool
  var tables: DenseTables?

  struct DenseTables {
    /// Rows of the forward pass: examples.
    var inputImages: OffsetTable
    var outputImages: OffsetTable
    /// Rows of weight and input gradient: `BlockSizes.denseRows` consecutive inputs.
    var inputs: OffsetTable
    var weightRows: OffsetTable
    /// Rows of the transposed input gradient, `exampleStride` apart.
    var transposedRows: OffsetTable
    /// Where each 16 inputs lie in an image of the input gradient.
    var inputUnits: OffsetTable
  }
}

/// A 2×2 pooling layer.
struct PoolStage {
  var name: String
  var kind: PoolKind
  /// The input is a ReLU's output, whose gradient is applied in the same pass.
  var inputIsReLU: Bool
}
