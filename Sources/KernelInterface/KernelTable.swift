/// The arithmetic of one instruction-set build, as plain functions over pointers.
///
/// Every build computes the same bits. No function allocates, locks or knows threads.
package final class KernelTable: Sendable {
  /// `avx512`, `avx2` or `portable`.
  package let name: String

  /// See `TileSum`.
  package let tileSum: @Sendable (TileSum) -> Void
  /// The same sums lane by lane: `a` has a value per lane, as `b` does, lanes contiguous. Depthwise convolutions are such
  /// sums in all passes.
  package let laneSum: @Sendable (TileSum) -> Void
  /// `out[lane] (+)= Σ_image Σ_row Σ_pixel map[…]`: see `BiasGradientArguments`.
  package let biasGradient: @Sendable (BiasGradientArguments) -> Void

  /// The transforms of Winograd's method, see `WinogradTiles` and `WinogradKernel`.
  package let winogradInput: @Sendable (WinogradTiles) -> Void
  package let winogradOutput: @Sendable (WinogradTiles) -> Void
  package let winogradGradient: @Sendable (WinogradTiles) -> Void
  package let winogradKernel: @Sendable (WinogradKernel) -> Void
  package let winogradKernelGradient: @Sendable (WinogradKernel) -> Void

  /// See `EqualWindows`.
  package let equalizeWindows: @Sendable (EqualWindows) -> Void

  /// `out`, and the mask if one is given, from `x`.
  package let poolForward:
    @Sendable (PoolKind, PoolArguments, _ x: FloatIn, _ out: FloatOut, _ mask: UnsafeMutablePointer<Int32>?) -> Void
  /// `dx` from `dout` and the mask of the forward pass.
  package let poolBackward:
    @Sendable (PoolKind, PoolArguments, _ mask: UnsafePointer<Int32>, _ dout: FloatIn, _ dx: FloatOut) -> Void

  /// The same for patches of any size, see `WindowPoolArguments`.
  package let windowPoolForward:
    @Sendable (PoolKind, WindowPoolArguments, _ x: FloatIn, _ out: FloatOut, _ mask: UnsafeMutablePointer<Int32>?)
      -> Void
  package let windowPoolBackward:
    @Sendable (PoolKind, WindowPoolArguments, _ mask: UnsafePointer<Int32>?, _ dout: FloatIn, _ dx: FloatOut) -> Void

  /// `out = activation(x)` over `count` floats, a multiple of 16.
  package let activation: @Sendable (Activation, _ x: FloatIn, _ out: FloatOut, _ count: Int) -> Void
  /// `dx = dout · activation'(x)`.
  package let activationGradient:
    @Sendable (Activation, _ x: FloatIn, _ dout: FloatIn, _ dx: FloatOut, _ count: Int) -> Void

  /// See `DropoutMask` and `DropoutArguments`.
  package let dropoutMask: @Sendable (DropoutMask) -> Void
  package let dropout: @Sendable (DropoutArguments) -> Void

  /// Batch norm's sums and maps, see `ProductSums`, `Normalization` and `NormalizationGradient`.
  package let productSums: @Sendable (ProductSums) -> Void
  package let normalize: @Sendable (Normalization) -> Void
  package let normalizeGradient: @Sendable (NormalizationGradient) -> Void

  /// See `TransposeArguments`.
  package let scatterTransposed: @Sendable (TransposeArguments) -> Void

  package let softmax: @Sendable (SoftmaxArguments) -> Void

  /// `into[i] = into[i] + from[i]`.
  package let add: @Sendable (_ from: FloatIn, _ into: FloatOut, _ count: Int) -> Void
  /// `out[i] = a[i] + b[i]`, then a ReLU where wanted; `count` is a multiple of 16.
  package let sum: @Sendable (_ a: FloatIn, _ b: FloatIn, _ out: FloatOut, _ count: Int, _ relu: FusedReLU?) -> Void
  package let sgd: @Sendable (SGDArguments) -> Void
  package let adam: @Sendable (AdamArguments) -> Void
  package let rmsprop: @Sendable (RMSPropArguments) -> Void
  /// `into ← into + share · (from − into)`, one fused multiply-add; `count` is a multiple of 16.
  package let blend: @Sendable (_ from: FloatIn, _ into: FloatOut, _ share: Float, _ count: Int) -> Void
  /// `sums[i] = Σ x²` over floats 32·i…32·i + 31 in Double, whose products of two Floats are exact: lane j of eight adds
  /// floats j, j + 8, j + 16 and j + 24 in this order, then the lanes are added as ((0+4)+(2+6)) + ((1+5)+(3+7)).
  package let squareSums: @Sendable (_ x: FloatIn, _ sums: UnsafeMutablePointer<Double>, _ count: Int) -> Void

  /// See `ColumnHash`.
  package let hashColumns: @Sendable (ColumnHash) -> Void

  /// `FMA peak`: runs `iterations` rounds of 12 independent vector multiply-adds; returns the floating-point operations done.
  package let peak: @Sendable (_ iterations: Int, _ scratch: FloatOut) -> Double

  package typealias FloatIn = UnsafePointer<Float>
  package typealias FloatOut = UnsafeMutablePointer<Float>

  package init(
    name: String, tileSum: @escaping @Sendable (TileSum) -> Void,
    laneSum: @escaping @Sendable (TileSum) -> Void,
    biasGradient: @escaping @Sendable (BiasGradientArguments) -> Void,
    winogradInput: @escaping @Sendable (WinogradTiles) -> Void,
    winogradOutput: @escaping @Sendable (WinogradTiles) -> Void,
    winogradGradient: @escaping @Sendable (WinogradTiles) -> Void,
    winogradKernel: @escaping @Sendable (WinogradKernel) -> Void,
    winogradKernelGradient: @escaping @Sendable (WinogradKernel) -> Void,
    equalizeWindows: @escaping @Sendable (EqualWindows) -> Void,
    poolForward: @escaping @Sendable (PoolKind, PoolArguments, FloatIn, FloatOut, UnsafeMutablePointer<Int32>?) -> Void,
    poolBackward: @escaping @Sendable (PoolKind, PoolArguments, UnsafePointer<Int32>, FloatIn, FloatOut) -> Void,
    windowPoolForward:
      @escaping @Sendable (PoolKind, WindowPoolArguments, FloatIn, FloatOut, UnsafeMutablePointer<Int32>?) -> Void,
    windowPoolBackward:
      @escaping @Sendable (PoolKind, WindowPoolArguments, UnsafePointer<Int32>?, FloatIn, FloatOut) -> Void,
    activation: @escaping @Sendable (Activation, FloatIn, FloatOut, Int) -> Void,
    activationGradient: @escaping @Sendable (Activation, FloatIn, FloatIn, FloatOut, Int) -> Void,
    dropoutMask: @escaping @Sendable (DropoutMask) -> Void,
    dropout: @escaping @Sendable (DropoutArguments) -> Void,
    productSums: @escaping @Sendable (ProductSums) -> Void,
    normalize: @escaping @Sendable (Normalization) -> Void,
    normalizeGradient: @escaping @Sendable (NormalizationGradient) -> Void,
    scatterTransposed: @escaping @Sendable (TransposeArguments) -> Void,
    softmax: @escaping @Sendable (SoftmaxArguments) -> Void,
    add: @escaping @Sendable (FloatIn, FloatOut, Int) -> Void,
    sum: @escaping @Sendable (FloatIn, FloatIn, FloatOut, Int, FusedReLU?) -> Void,
    sgd: @escaping @Sendable (SGDArguments) -> Void,
    adam: @escaping @Sendable (AdamArguments) -> Void,
    rmsprop: @escaping @Sendable (RMSPropArguments) -> Void,
    blend: @escaping @Sendable (FloatIn, FloatOut, Float, Int) -> Void,
    squareSums: @escaping @Sendable (FloatIn, UnsafeMutablePointer<Double>, Int) -> Void,
    hashColumns: @escaping @Sendable (ColumnHash) -> Void,
    peak: @escaping @Sendable (Int, FloatOut) -> Double
  ) {
    self.name = name
    self.tileSum = tileSum
    self.laneSum = laneSum
    self.biasGradient = biasGradient
    self.winogradInput = winogradInput
    self.winogradOutput = winogradOutput
    self.winogradGradient = winogradGradient
    self.winogradKernel = winogradKernel
    self.winogradKernelGradient = winogradKernelGradient
    self.equalizeWindows = equalizeWindows
    self.poolForward = poolForward
    self.poolBackward = poolBackward
    self.windowPoolForward = windowPoolForward
    self.windowPoolBackward = windowPoolBackward
    self.activation = activation
    self.activationGradient = activationGradient
    self.dropoutMask = dropoutMask
    self.dropout = dropout
    self.productSums = productSums
    self.normalize = normalize
    self.normalizeGradient = normalizeGradient
    self.scatterTransposed = scatterTransposed
    self.softmax = softmax
    self.add = add
    self.sum = sum
    self.sgd = sgd
    self.adam = adam
    self.rmsprop = rmsprop
    self.blend = blend
    self.squareSums = squareSums
    self.hashColumns = hashColumns
    self.peak = peak
  }
}

/// `out[lane] = Σ_n Σ_i Σ_j map[n·image + i·row + j·pixel + lane]`, summed in that order from 0 (or from `out`).
package struct BiasGradientArguments {
  package var map: UnsafePointer<Float>
  package var out: UnsafeMutablePointer<Float>
  package var images: Int
  package var height: Int
  package var width: Int
  package var image: Int
  package var row: Int
  /// Floats per pixel; `lanes` of them are summed, a multiple of 16.
  package var pixel: Int
  package var lanes: Int
  /// Whether the sum starts from `out`, not from 0, to continue where an earlier call stopped.
  package var accumulates: Bool = false

  package init(
    map: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, images: Int, height: Int, width: Int, image: Int,
    row: Int, pixel: Int, lanes: Int
  ) {
    self.map = map
    self.out = out
    self.images = images
    self.height = height
    self.width = width
    self.image = image
    self.row = row
    self.pixel = pixel
    self.lanes = lanes
  }
}

/// Softmax with cross-entropy over `examples` rows of `classes` logits.
///
/// For each example: `ŷ = softmax(z)` with the row maximum subtracted; `dz = ŷ − y`; loss by log-sum-exp. Sums run over
/// classes in ascending order. A label below 0 means "no label": loss 0, and `dz` is ŷ.
/// A logit that is not finite makes the loss NaN.
///
/// In every row the classes, rounded up to a multiple of 16, are read and written; the lanes after the last class become 0.
package struct SoftmaxArguments {
  package var examples: Int
  package var classes: Int
  /// Rows `stride` floats apart, a multiple of 16.
  package var logits: UnsafePointer<Float>
  package var stride: Int
  package var labels: UnsafePointer<Int32>
  /// Rows `stride` apart.
  package var probabilities: UnsafeMutablePointer<Float>?
  /// Rows `gradientStride` apart: the gradient may have a halo that the logits do not have.
  package var gradient: UnsafeMutablePointer<Float>?
  package var gradientStride: Int
  /// One loss per example.
  package var losses: UnsafeMutablePointer<Float>
  /// One per example: 1 if the first largest logit is the label's, else 0.
  package var correct: UnsafeMutablePointer<Int32>
  /// The share ε of every target that all K classes divide among themselves: `y` is 1 − ε at the label and ε / K everywhere
  /// in addition; the loss is `log Σ e^z − Σ y·z`, with all z taken relative to the largest.
  package var smoothing: Float = 0
  /// Of each example a second label, and the first one's share of `y`, the rest being the second's; `nil` for one label.
  package var others: UnsafePointer<Int32>?
  package var shares: UnsafePointer<Float>?

  package init(
    examples: Int, classes: Int, logits: UnsafePointer<Float>, stride: Int, labels: UnsafePointer<Int32>,
    probabilities: UnsafeMutablePointer<Float>?, gradient: UnsafeMutablePointer<Float>?, gradientStride: Int,
    losses: UnsafeMutablePointer<Float>, correct: UnsafeMutablePointer<Int32>
  ) {
    self.examples = examples
    self.classes = classes
    self.logits = logits
    self.stride = stride
    self.labels = labels
    self.probabilities = probabilities
    self.gradient = gradient
    self.gradientStride = gradientStride
    self.losses = losses
    self.correct = correct
  }
}
