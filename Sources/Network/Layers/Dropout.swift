import ConfigurationKeys
import KernelInterface
import Randomness
import ReferenceKernels

/// Dropout (Srivastava et al. 2014): in training each element is 0 with probability `rate`, else multiplied by
/// `1 / (1 − rate)`; an inference leaves all as they are.
///
/// What is dropped follows from the seed, the epoch, the example's number in its data set, the layer's number in the model and
/// the element, see `DropoutStream`: any worker draws the same, in any batch.
package struct Dropout: LayerType {
  package static let typeName = "dropout"
  package static let keys = [
    ConfigurationKey(
      "rate", .number(.from(0, below: 1)),
      "The share of values that a training step sets to 0, in steps of 1/65536; the others are divided by 1 − rate.")
  ]

  package var rate: Double

  package init(rate: Double) { self.rate = rate }
  package init(_ values: KeyValues) { rate = values.number("rate") }
  package var values: KeyValues { ["rate": .number(rate)] }
  package var summary: String { "\(Self.typeName) \(rate)" }
  package var traits: LayerTraits { [.masksInputGradient, .forgetsUnmaskedInput] }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    guard (0..<1).contains(rate) else { throw LayerMisfit("found rate \(rate); allowed: from 0 to below 1") }
    return inputs[0]
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let dropout = ReferenceDropout(rate: rate, layer: step.layer)
    return ReferenceResult(output: dropout.apply(step.x, step.draws)) {
      ReferenceGradients(inputs: [dropout.apply($0, step.draws)])
    }
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { DropoutLayer(self, place) }
}

extension LayerKind {
  package static func dropout(rate: Double) -> LayerKind { LayerKind(Dropout(rate: rate)) }
}

/// The layer at work. Its bits are drawn in the forward pass and kept for the backward pass: 1/32 of the bytes of its output.
private final class DropoutLayer: Layer {
  private let number: Int
  private let index: Int
  private let threshold: UInt16
  private let scale: Float
  private let input: PlacedValue
  private let output: PlacedValue
  let memory: LayerMemory
  let algorithm = "elementwise"

  init(_ type: Dropout, _ place: LayerPlace) {
    number = place.number
    index = place.index
    threshold = DropoutStream.threshold(rate: type.rate)
    scale = Float(1 / (1 - type.rate))
    input = place.input
    output = place.output
    var memory = LayerMemory()
    memory.maskPerImage = DropoutMask.words(elements: input.shape.elementCount)
    self.memory = memory
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    let (x, out) = (pass.map(input, slice), pass.map(output, slice))
    guard !pass.isInference else {
      return input.map.forEachRow(images: slice.count, with: output.map) { from, to, count in
        (out + to).update(from: x + from, count: count)
      }
    }
    for n in 0..<slice.count {
      let place = DropoutStream(layer: number, epoch: pass.epoch, example: pass.memory.examples[slice.first + n])
      pass.kernels.dropoutMask(
        DropoutMask(
          seed: pass.seed, purpose: DropoutStream.purpose.rawValue, stream: place.stream, firstBlock: place.first,
          threshold: threshold, elements: input.shape.elementCount, mask: mask(pass, slice, n)))
    }
    apply(pass, slice, x, input.map, out, output.map)
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {}

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of _: Int) {
    let dInput = pass.gradient(input, slice)
    apply(pass, slice, pass.gradient(output, slice), output.gradient, dInput, input.gradient)
    guard let mask = input.relu?.activation else { return }
    let x = pass.map(input, slice)
    let kernel = pass.kernels.activationGradient
    input.map.forEachRow(images: slice.count, with: input.gradient) { at, target, count in
      kernel(mask, x + at, dInput + target, dInput + target, count)
    }
  }

  private func mask(_ pass: borrowing Pass, _ slice: ImageSlice, _ n: Int) -> UnsafeMutablePointer<Int32> {
    pass.memory.masks[index] + (slice.first - slice.chunkStart + n) * memory.maskPerImage
  }

  private func apply(
    _ pass: borrowing Pass, _ slice: ImageSlice, _ from: UnsafeMutablePointer<Float>, _ source: MapLayout,
    _ to: UnsafeMutablePointer<Float>, _ target: MapLayout
  ) {
    let shape = input.shape
    for n in 0..<slice.count {
      let mask = mask(pass, slice, n)
      for row in 0..<shape.height {
        pass.kernels.dropout(
          DropoutArguments(
            mask: mask, firstBit: row * shape.width * shape.channels, scale: scale, pixels: shape.width,
            channels: shape.channels, stride: source.channelStride,
            x: from + n * source.imageStride + source.offset(row, 0),
            out: to + n * target.imageStride + target.offset(row, 0)))
      }
    }
  }
}
