import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

@testable import Network

/// Convolutions of every geometry against their naive twins, with small integers, whose sums are exact in any order.
@Suite("Convolutions of any window")
struct ConvolutionTests {
  struct Case: CustomTestStringConvertible {
    var layer: any LayerType
    var image: ImageShape
    var examples = 3

    var testDescription: String { "\(layer.summary) on \(image)" }
  }

  private static func conv(
    _ filters: Int, _ window: Window, bias: Bool = true, on height: Int, _ width: Int, _ channels: Int,
    examples: Int = 3
  ) -> Case {
    Case(
      layer: Conv2D(filters: filters, window, usesBias: bias, algorithm: .direct),
      image: ImageShape(height: height, width: width, channels: channels), examples: examples)
  }

  private static func depthwise(
    _ window: Window, multiplier: Int = 1, bias: Bool = true, on height: Int, _ width: Int, _ channels: Int,
    examples: Int = 3
  ) -> Case {
    Case(
      layer: DepthwiseConv2D(window, multiplier: multiplier, usesBias: bias),
      image: ImageShape(height: height, width: width, channels: channels), examples: examples)
  }

  private static func grouped(
    _ groups: Int, _ filters: Int, _ window: Window, on height: Int, _ width: Int, _ channels: Int, examples: Int = 3
  ) -> Case {
    Case(
      layer: Conv2D(filters: filters, window, groups: groups, algorithm: .direct),
      image: ImageShape(height: height, width: width, channels: channels), examples: examples)
  }

  private static let one = Halo(top: 1, bottom: 1, left: 1, right: 1)

  static let cases: [Case] = [
    // What residual nets have: 3×3 and 1×1 with stride 2, a stem of 7×7.
    conv(32, Window(Extent(3), strides: Extent(2), padding: .same), bias: false, on: 8, 8, 16),
    conv(32, Window(Extent(3), strides: Extent(2), padding: .sides(one)), bias: false, on: 8, 8, 16),
    conv(20, Window(Extent(3), strides: Extent(2), padding: .same), on: 7, 9, 17),
    conv(48, Window(Extent(1), strides: Extent(2)), bias: false, on: 8, 6, 33),
    conv(64, Window(Extent(1)), bias: false, on: 5, 7, 32),
    conv(7, Window(Extent(1)), on: 1, 1, 200, examples: 9),
    conv(
      16, Window(Extent(7), strides: Extent(2), padding: .sides(Halo(top: 3, bottom: 3, left: 3, right: 3))), on: 15,
      16,
      3),
    // More images than one call takes, and sums longer than a block of terms.
    conv(16, Window(Extent(1)), on: 4, 4, 300, examples: 70),
    conv(33, Window(Extent(2), strides: Extent(2)), on: 6, 6, 40, examples: 40),
    // Sides of the kernel, of steps and of zeros that differ.
    conv(5, Window(Extent(1, 4), strides: Extent(2, 1), padding: .same), on: 6, 5, 2),
    conv(17, Window(Extent(4, 1), strides: Extent(1, 3)), on: 6, 11, 3),
    conv(9, Window(Extent(3, 2), padding: .sides(Halo(top: 5, bottom: 0, left: 2, right: 4))), on: 4, 3, 5),
    conv(3, Window(Extent(2), strides: Extent(3), padding: .sides(Halo(top: 0, bottom: 3, left: 1))), on: 8, 9, 2),
    // Steps that leave pixels out, within and at the end.
    conv(4, Window(Extent(2), strides: Extent(5)), on: 14, 13, 3),
    conv(4, Window(Extent(1), strides: Extent(4, 7)), on: 8, 8, 16),
    conv(2, Window(Extent(1), strides: Extent(100)), on: 3, 2, 1),
    // Dilation, alone and with strides that share a factor with it, or not.
    conv(18, Window(Extent(3), dilation: Extent(2), padding: .same), on: 7, 8, 16),
    conv(6, Window(Extent(3, 2), strides: Extent(2), dilation: Extent(2, 4), padding: .same), on: 9, 8, 4),
    conv(6, Window(Extent(3), strides: Extent(4, 6), dilation: Extent(6, 4), padding: .same), on: 13, 12, 3),
    conv(6, Window(Extent(4, 3), strides: Extent(3, 2), dilation: Extent(2, 3), padding: .same), on: 9, 8, 1),
    // A window larger than the image, most of it over zeros.
    conv(3, Window(Extent(9, 7), padding: .same), on: 2, 3, 4),
    conv(
      3, Window(Extent(3), strides: Extent(2), padding: .sides(Halo(top: 9, bottom: 7, left: 8, right: 9))), on: 2, 3, 4
    ),
    // Many images so small that taps over zeros are left out.
    conv(48, Window(Extent(3), padding: .same), bias: false, on: 2, 2, 48, examples: 20),
    conv(64, Window(Extent(3), padding: .same), on: 1, 1, 17, examples: 9),
    conv(5, Window(Extent(3), padding: .same), on: 3, 1, 33, examples: 31),
    conv(16, Window(Extent(5, 3), padding: .same), on: 3, 4, 16, examples: 12),
    conv(33, Window(Extent(3), strides: Extent(2), padding: .sides(one)), on: 3, 2, 16, examples: 16),
    conv(16, Window(Extent(3), dilation: Extent(2), padding: .same), on: 3, 3, 8, examples: 10),
    conv(
      20, Window(Extent(3), strides: Extent(2), padding: .sides(Halo(top: 9, bottom: 7, left: 8, right: 9))), on: 2, 3,
      20, examples: 12),
    conv(16, Window(Extent(2), strides: Extent(3), padding: .sides(Halo(top: 2, left: 5))), on: 2, 2, 16, examples: 9),
    grouped(2, 32, Window(Extent(3), padding: .same), on: 2, 2, 32, examples: 16),
    grouped(3, 15, Window(Extent(3), padding: .same), on: 2, 1, 9, examples: 19),
    // Each channel by itself, whole sixteens and not, with strides, dilation and windows larger than the image.
    depthwise(Window(Extent(3), padding: .same), bias: false, on: 7, 5, 32),
    depthwise(Window(Extent(3), strides: Extent(2), padding: .same), on: 8, 6, 19, examples: 20),
    depthwise(Window(Extent(5, 2), strides: Extent(1, 3), padding: .sides(one)), on: 6, 7, 3),
    depthwise(Window(Extent(1), strides: Extent(2)), on: 5, 4, 40),
    depthwise(Window(Extent(7), padding: .same), on: 3, 2, 17, examples: 5),
    Case(
      layer: Conv2D(filters: 21, Window(Extent(3), dilation: Extent(2), padding: .same), groups: 21),
      image: ImageShape(height: 6, width: 7, channels: 21)),
    // Several results per channel.
    depthwise(Window(Extent(3), padding: .same), multiplier: 2, on: 5, 6, 16),
    depthwise(Window(Extent(3, 2), strides: Extent(2)), multiplier: 5, bias: false, on: 6, 6, 21, examples: 7),
    // Groups of whole sixteens, of less, of more, and of numbers that no bundle fits.
    grouped(2, 32, Window(Extent(3), padding: .same), on: 5, 6, 32),
    grouped(4, 192, Window(Extent(1), strides: Extent(2)), on: 6, 5, 64),
    grouped(32, 128, Window(Extent(3), strides: Extent(2), padding: .sides(one)), on: 6, 6, 128),
    grouped(3, 15, Window(Extent(3), padding: .same), on: 4, 5, 9, examples: 11),
    grouped(5, 35, Window(Extent(2), dilation: Extent(2)), on: 6, 5, 20),
    grouped(20, 60, Window(Extent(3), padding: .same), on: 4, 4, 40),
    grouped(7, 7, Window(Extent(3), padding: .same), on: 4, 4, 14),
  ]

  private static func integers(_ count: Int, seed: Int) -> [Float] {
    var random = RandomFloats(seed: seed)
    return (0..<count).map { _ in (random.draw() * 2).rounded() }
  }

  @Test("all passes are exact in every build", arguments: cases)
  func exact(one: Case) throws {
    let (image, layer) = (one.image, one.layer as any LayerType)
    let count = one.examples * image.elementCount
    let x = Tensor4(
      count: one.examples, height: image.height, width: image.width, channels: image.channels,
      values: Self.integers(count, seed: 1).map(Double.init))
    let output = try layer.outputShape([ValueShape(image)]).image
    let parameters = layer.parameters([ValueShape(image)])
    let weight = Self.integers(parameters[0].elementCount, seed: 2)
    let bias = parameters.count > 1 ? Self.integers(parameters[1].elementCount, seed: 3) : nil
    let dz = Self.integers(one.examples * output.elementCount, seed: 4)

    var values = ["weight": weight.map(Double.init)]
    values["bias"] = bias?.map(Double.init)
    let expected = layer.reference(ReferenceStep(inputs: [x], parameters: values, labels: []))
    #expect(expected.output.height == output.height && expected.output.width == output.width)
    let m = Double(one.examples)
    let gradients = expected.backward(expected.output.with(values: dz.map(Double.init)))
    for kernels in runnableKernels {
      let result = try LayerProbe.run(LayerKind(layer), x: x, weight: weight, bias: bias, dz: dz, kernels: kernels)
      #expect(result.z.map(Double.init) == expected.output.values, "z, \(kernels.name)")
      #expect(
        result.dw.map { Double($0) } == gradients.parameters["weight"]?.map { ($0 * m).rounded() },
        "dw, \(kernels.name)")
      #expect(
        result.db.map { Double($0) } == (gradients.parameters["bias"] ?? []).map { ($0 * m).rounded() },
        "db, \(kernels.name)")
      #expect(result.dx.map(Double.init) == gradients.inputs[0].values, "dx, \(kernels.name)")
    }
  }

  /// Shards of four images are too few for rows of their own, those of sixteen are enough.
  @Test("taps over zeros change no bit", arguments: [1, 2, 4], [1, 2])
  func tapsOverZeros(side: Int, stride: Int) throws {
    let window = Window(Extent(3), strides: Extent(stride), padding: .sides(Self.one))
    let kind = LayerKind(Conv2D(filters: 40, window, algorithm: .direct))
    let image = ImageShape(height: side, width: side, channels: 48)
    let output = try kind.type.outputShape([ValueShape(image)]).image
    #expect(window.placed(on: image).shareInside < 0.7)
    var random = RandomFloats(seed: side)
    func floats(_ count: Int) -> [Float] { (0..<count).map { _ in random.draw() } }
    let (x, weight, bias) = (floats(16 * image.elementCount), floats(9 * 48 * 40), floats(40))
    let dz = floats(16 * output.elementCount)
    func run(_ examples: Range<Int>, _ kernels: KernelTable) throws -> LayerProbe.Result {
      func part(_ values: [Float]) -> ArraySlice<Float> {
        let size = values.count / 16
        return values[examples.lowerBound * size..<examples.upperBound * size]
      }
      let images = Tensor4(
        count: examples.count, height: side, width: side, channels: 48, values: part(x).map(Double.init))
      return try LayerProbe.run(kind, x: images, weight: weight, bias: bias, dz: [Float](part(dz)), kernels: kernels)
    }
    for kernels in runnableKernels {
      let all = try run(0..<16, kernels)
      let parts = try (0..<4).map { try run(4 * $0..<4 * $0 + 4, kernels) }
      #expect(all.z.map(\.bitPattern) == parts.flatMap(\.z).map(\.bitPattern), "\(kernels.name)")
      #expect(all.dx.map(\.bitPattern) == parts.flatMap(\.dx).map(\.bitPattern), "\(kernels.name)")
    }
  }

  /// Winograd's method takes any zeros around, by side.
  @Test("Winograd with zeros on some sides is the direct convolution but for rounding", arguments: [3, 5])
  func winograd(size: Int) throws {
    for sides in [Halo(), Halo(top: 1, bottom: 1, left: 1, right: 1), Halo(top: 4), Halo(bottom: 7, left: 6, right: 1)]
    {
      let image = ImageShape(height: 6, width: 9, channels: 18)
      var layer = Conv2D(filters: 20, Window(Extent(size), padding: .sides(sides)))
      let output = try layer.outputShape([ValueShape(image)]).image
      var random = RandomFloats(seed: size)
      let x = Tensor4(
        count: 2, height: 6, width: 9, channels: 18, values: random.array(2 * image.elementCount).map(Double.init))
      let (weight, bias) = (random.array(size * size * 18 * 20), random.array(20))
      let dz = random.array(2 * output.elementCount)
      let kernels = try #require(runnableKernels.last)
      let results = try [ConvolutionAlgorithm.direct, .winograd].map { algorithm in
        layer.algorithm = algorithm
        return try LayerProbe.run(LayerKind(layer), x: x, weight: weight, bias: bias, dz: dz, kernels: kernels)
      }
      for (name, path) in [("z", \LayerProbe.Result.z), ("dw", \.dw), ("db", \.db), ("dx", \.dx)] {
        let error = worstRelativeError(
          results[1][keyPath: path].map(Double.init), results[0][keyPath: path].map(Double.init))
        #expect(error <= 1e-4, "\(name), \(sides)")
      }
    }
  }
}
