import Network
import ReferenceKernels
import TestSupport
import Testing

/// The naive twins' gradients against finite differences in Double, each layer alone and whole nets: 1e-7 relative.
///
/// The scalar is `L = Σ dout ⊙ f(x)` with random `dout`, whose gradient by x is what the backward pass returns.
@Suite("Finite differences of the naive twins")
struct FiniteDifferenceTests {
  /// Largest difference between `gradient` and the central difference of `loss`, over the largest derivative.
  private func error(
    _ values: [Double], _ gradient: [Double], step: Double, every: Int = 1, loss: ([Double]) -> Double
  ) -> Double {
    precondition(values.count == gradient.count, "A gradient of another size was given.")
    var (numeric, analytic): ([Double], [Double]) = ([], [])
    var changed = values
    for i in stride(from: 0, to: values.count, by: every) {
      changed[i] = values[i] + step
      let above = loss(changed)
      changed[i] = values[i] - step
      numeric.append((above - loss(changed)) / (2 * step))
      analytic.append(gradient[i])
      changed[i] = values[i]
    }
    #expect(numeric.contains { $0 != 0 })
    return worstRelativeError(analytic, numeric)
  }

  private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

  private func random(_ count: Int, _ seed: Int) -> [Double] {
    var random = RandomFloats(seed: seed)
    return random.array(count).map(Double.init)
  }

  private func tensor(_ n: Int, _ h: Int, _ w: Int, _ c: Int, seed: Int) -> Tensor4 {
    Tensor4(count: n, height: h, width: w, channels: c, values: random(n * h * w * c, seed))
  }

  private func filled(_ shape: Tensor4, _ values: [Double]) -> Tensor4 {
    Tensor4(count: shape.count, height: shape.height, width: shape.width, channels: shape.channels, values: values)
  }

  /// Square and not, with strides, dilation and zeros on some sides.
  private static let windows: [ReferenceWindow] =
    [1, 2, 3, 4, 5].flatMap { size in
      [ReferenceWindow.Zeros.same, .sides(top: 0, bottom: 0, left: 0, right: 0)].map {
        ReferenceWindow(height: size, width: size, zeros: $0)
      }
    } + [
      ReferenceWindow(height: 3, width: 3, rowStride: 2, columnStride: 2, zeros: .same),
      ReferenceWindow(height: 1, width: 1, rowStride: 2, columnStride: 3),
      ReferenceWindow(height: 2, width: 3, rowStride: 3, zeros: .sides(top: 1, bottom: 0, left: 2, right: 3)),
      ReferenceWindow(height: 3, width: 2, columnStride: 2, rowDilation: 2, columnDilation: 3, zeros: .same),
    ]

  @Test("convolution", arguments: windows)
  func convolution(window: ReferenceWindow) {
    let layer = ReferenceConvolution(window, filters: 3)
    let x = tensor(2, 6, 5, 2, seed: window.height)
    let w = random(window.height * window.width * 2 * 3, 10)
    let bias = random(3, 11)
    let z = layer.forward(x, w: w, bias: bias)
    let dz = filled(z, random(z.values.count, 12))
    // Linear in each argument, so that a large step costs nothing.
    let dx = layer.inputGradient(x, dz: dz, w: w)
    #expect(
      error(x.values, dx.values, step: 0.5) {
        dot(layer.forward(filled(x, $0), w: w, bias: bias).values, dz.values)
      } <= 1e-7)
    let (dw, db) = layer.parameterGradients(x, dz: dz)
    // The parameters' gradients are of the mean over the two examples.
    #expect(error(w, dw, step: 0.5) { dot(layer.forward(x, w: $0, bias: bias).values, dz.values) / 2 } <= 1e-7)
    #expect(error(bias, db, step: 0.5) { dot(layer.forward(x, w: w, bias: $0).values, dz.values) / 2 } <= 1e-7)
  }

  @Test("fully connected", arguments: [(1, 1), (5, 3), (7, 11)])
  func dense(inputs: Int, outputs: Int) {
    let layer = ReferenceDense(inputs: inputs, outputs: outputs)
    let (x, w, bias) = (random(3 * inputs, 1), random(inputs * outputs, 2), random(outputs, 3))
    let dz = random(3 * outputs, 4)
    let (dw, db, da) = layer.backward(x, dz: dz, w: w)
    #expect(error(x, da, step: 0.5) { dot(layer.forward($0, w: w, bias: bias), dz) } <= 1e-7)
    #expect(error(w, dw, step: 0.5) { dot(layer.forward(x, w: $0, bias: bias), dz) / 3 } <= 1e-7)
    #expect(error(bias, db, step: 0.5) { dot(layer.forward(x, w: w, bias: $0), dz) / 3 } <= 1e-7)
  }

  @Test("ReLU")
  func relu() {
    // Away from 0, where it has no derivative.
    let z = random(60, 5).map { $0 + ($0 < 0 ? -0.01 : 0.01) }
    let da = random(60, 6)
    #expect(error(z, ReferenceReLU.backward(z, da: da), step: 0.001) { dot(ReferenceReLU.forward($0), da) } <= 1e-7)
  }

  /// The post's, overlapping, with zeros around, of the whole image, and with pixels between and after the patches.
  private static let patches: [ReferenceWindow] = [
    ReferenceWindow(height: 2, width: 2, rowStride: 2, columnStride: 2),
    ReferenceWindow(height: 3, width: 3, rowStride: 2, columnStride: 2, zeros: .same),
    ReferenceWindow(
      height: 3, width: 4, rowStride: 1, columnStride: 3, zeros: .sides(top: 2, bottom: 1, left: 0, right: 3)),
    ReferenceWindow(height: 4, width: 6), ReferenceWindow(height: 1, width: 2, rowStride: 2, columnStride: 3),
  ]

  @Test("pooling", arguments: [ReferencePooling.Kind.maxAll, .maxFirst, .average], patches)
  func pooling(kind: ReferencePooling.Kind, patch: ReferenceWindow) {
    let pooling = ReferencePooling(kind, patch)
    // Distinct values, at least 0.01 apart: a maximum with a tie has no derivative.
    let shape = tensor(2, 4, 6, 3, seed: 7)
    let order = shape.values.indices.sorted { shape.values[$0] < shape.values[$1] }
    var x = shape
    for (rank, place) in order.enumerated() { x.values[place] = Double(rank - 70) * 0.01 }
    let out = pooling.forward(x)
    let dout = filled(out, random(out.values.count, 8))
    let dx = pooling.inputGradient(x, dout: dout)
    #expect(
      error(x.values, dx.values, step: 0.001) { dot(pooling.forward(filled(x, $0)).values, dout.values) } <= 1e-7)
  }

  @Test("softmax with cross-entropy", arguments: [2, 3, 10])
  func softmax(classes: Int) {
    let labels = (0..<4).map { $0 % classes }
    let logits = random(4 * classes, 9).map { $0 * 2 }
    let dz = ReferenceSoftmax.evaluate(logits, classes: classes, labels: labels).dz
    // `dZ` is of the summed loss.
    #expect(
      error(logits, dz, step: 1e-5) {
        4 * ReferenceSoftmax.evaluate($0, classes: classes, labels: labels).loss
      } <= 1e-7)
  }

  private static let narrow: [(name: String, model: ModelSpecification)] = [
    ("odd", TestNetworks.odd), ("activations", TestNetworks.activations),
    ("smooth", TestNetworks.smooth), ("dropout", TestNetworks.dropout), ("dropout norms", TestNetworks.meeting[4]),
    ("norms", TestNetworks.meeting[2]),
    ("strided", TestNetworks.strided), ("grouped", TestNetworks.grouped),
    ("pools", TestNetworks.pools), ("residual norms", TestNetworks.meeting[3]),
    (
      "max and average pools",
      ModelSpecification(
        input: ImageShape(height: 8, width: 8, channels: 2),
        layers: TestNetworks.named([
          TestNetworks.conv(3, 3), .relu, .maxPool2d(ties: .all), TestNetworks.conv(4, 2), .maxPool2d(ties: .first),
          TestNetworks.conv(5, 3), .relu, .averagePool2d, .flatten, .dense(units: 6), .relu, .dense(units: 3), .softmax,
        ]))
    ),
    (
      "pool and ReLU first",
      ModelSpecification(
        input: ImageShape(height: 6, width: 4, channels: 3),
        layers: TestNetworks.named([
          .averagePool2d, .relu, TestNetworks.conv(4, 3), .relu, .flatten, .dense(units: 4), .softmax,
        ]))
    ),
  ]

  @Test("whole nets, every parameter and the images", arguments: narrow.map(\.name))
  func wholeNets(name: String) throws {
    let model = try #require(Self.narrow.first { $0.name == name }).model
    let run = try NetworkRun(model, examples: 3, seed: 4)
    var network = ReferenceNetwork(
      try ModelGraph(model), parameters: run.parameters.mapValues { $0.map { Double($0) + 0.01 } })
    let pass = network.pass(run.images, labels: run.labels)
    for (parameter, values) in network.parameters.sorted(by: { $0.key < $1.key }) where !parameter.contains("running") {
      let gradient = try #require(pass.gradients[parameter])
      // A parameter that a norm cancels has no gradient except rounding.
      if name.hasSuffix("norms"), parameter.hasSuffix(".bias"), gradient.allSatisfy({ abs($0) < 1e-12 }) { continue }
      let worst = error(values, gradient, step: 1e-6, every: values.count / 40 | 1) {
        network.parameters[parameter] = $0
        return network.loss(run.images, labels: run.labels)
      }
      network.parameters[parameter] = values
      #expect(worst <= 1e-7, "\(parameter): \(worst)")
    }
    let images = run.images
    let worst = error(
      images.values, pass.inputGradient.values, step: 1e-6, every: max(1, images.values.count / 60)
    ) { 3 * network.loss(filled(images, $0), labels: run.labels) }
    #expect(worst <= 1e-7, "images: \(worst)")
  }
}
