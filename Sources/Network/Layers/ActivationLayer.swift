import KernelInterface

/// The layer at work of every activation that no other layer applies: row by row, as the halos of its maps differ.
final class ActivationLayer: Layer {
  private let activation: Activation
  private let input: PlacedValue
  private let output: PlacedValue
  let memory = LayerMemory()
  let algorithm = "elementwise"

  init(_ activation: Activation, _ place: LayerPlace) {
    self.activation = activation
    input = place.input
    output = place.output
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    let (x, out) = (pass.map(input, slice), pass.map(output, slice))
    let kernel = pass.kernels.activation
    input.map.forEachRow(images: slice.count, with: output.map) { from, to, count in
      kernel(activation, x + from, out + to, count)
    }
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {}

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    let source = decidesByOutput ? output : input
    let (x, dOutput, dInput) = (pass.map(source, slice), pass.gradient(output, slice), pass.gradient(input, slice))
    let kernel = pass.kernels.activationGradient
    source.map.forEachRow(images: slice.count, with: output.gradient, and: input.gradient) { at, from, to, count in
      kernel(activation, x + at, dOutput + from, dInput + to, count)
    }
  }

  /// Whether its gradient passes where the output lies between the same limits as the input.
  private var decidesByOutput: Bool {
    switch activation {
    case .clippedReLU: true
    case .relu, .leakyReLU, .gelu, .silu: false
    }
  }
}
