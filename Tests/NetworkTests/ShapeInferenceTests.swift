import Diagnostics
import Network
import TestSupport
import Testing

@Suite struct ShapeInferenceTests {
  static let head: [LayerKind] = [.flatten, .dense(units: 4), .softmax]

  static func conv(_ filters: Int, _ size: Int, _ padding: Padding) -> LayerKind {
    .conv2d(filters: filters, kernelSize: size, padding: padding, algorithm: .auto)
  }

  static func window(_ window: Window, _ algorithm: ConvolutionAlgorithm = .auto) -> LayerKind {
    LayerKind(Conv2D(filters: 2, window, algorithm: algorithm))
  }

  static func grouped(_ groups: Int, _ algorithm: ConvolutionAlgorithm = .auto) -> LayerKind {
    LayerKind(Conv2D(filters: 6, Window(Extent(3)), groups: groups, algorithm: algorithm))
  }

  private func shapes(_ height: Int, _ width: Int, _ channels: Int, _ kinds: [LayerKind]) throws -> [String] {
    try ModelSpecification(
      input: ImageShape(height: height, width: width, channels: channels),
      layers: kinds.enumerated().map { LayerSpecification(name: "l\($0.offset)", kind: $0.element) }
    ).outputShapes().map(\.description)
  }

  @Test("shapes follow the layers")
  func shapesFollowTheLayers() throws {
    #expect(
      try shapes(
        9, 12, 3, [Self.conv(8, 4, .valid), .relu, Self.conv(5, 2, .valid), Self.conv(6, 7, .same)] + Self.head)
        == ["6×9×8", "6×9×8", "5×8×5", "5×8×6", "1×1×240", "1×1×4", "1×1×4"])
    #expect(
      try shapes(4, 2, 7, [.maxPool2d(ties: .first), .flatten, .relu, .dense(units: 1), .softmax])
        == ["2×1×7", "1×1×14", "1×1×14", "1×1×1", "1×1×1"])
    // Rows and columns that no whole patch has are left out.
    #expect(try shapes(7, 8, 3, [.relu, .averagePool2d] + Self.head)[1] == "3×4×3")
    let window = Window(Extent(3), strides: Extent(2), padding: .same)
    #expect(try shapes(7, 8, 3, [LayerKind(MaxPool2D(window, ties: .first))] + Self.head)[0] == "4×4×3")
    #expect(
      try shapes(7, 8, 3, [LayerKind(GlobalAveragePool2D()), .dense(units: 1), .softmax])
        == ["1×1×3", "1×1×1", "1×1×1"])
    #expect(try shapes(5, 5, 1, [Self.conv(1, 5, .valid)] + Self.head).first == "1×1×1")
  }

  /// What Keras's `same`, PyTorch's `padding=1` and zeros on some sides give with strides and dilation.
  @Test(
    "windows give the results of Keras and PyTorch",
    arguments: [
      (Window(Extent(3), strides: Extent(2), padding: .same), "4×4×2"),
      (Window(Extent(3), strides: Extent(2), padding: .sides(Halo(top: 1, bottom: 1, left: 1, right: 1))), "4×4×2"),
      (Window(Extent(3), strides: Extent(2)), "3×3×2"), (Window(Extent(1), strides: Extent(2)), "4×4×2"),
      (Window(Extent(2, 5), strides: Extent(3, 1), padding: .sides(Halo(bottom: 2, left: 1))), "3×5×2"),
      (Window(Extent(3), dilation: Extent(3, 2)), "1×4×2"),
      (Window(Extent(3), dilation: Extent(9), padding: .same), "7×8×2"),
      (Window(Extent(3, 2), strides: Extent(7, 9), padding: .same), "1×1×2"),
      (Window(Extent(1), strides: Extent(2), padding: .sides(Halo(top: 2, bottom: 2, left: 3, right: 1))), "6×6×2"),
    ] as [(Window, String)])
  func windowsGiveTheResultsOfKerasAndPyTorch(window: Window, shape: String) throws {
    #expect(try shapes(7, 8, 3, [Self.window(window)] + Self.head).first == shape)
  }

  @Test(
    "a layer that does not fit is named with its shape",
    arguments: [
      (
        [LayerKind(MaxPool2D(Window(Extent(8)), ties: .all))] + head, "model.layers[0] (l0)",
        "pool_size 8×8 covers 8×8 pixels and meets an image of 7×8; allowed: at most 7×8"
      ),
      (
        [.relu, LayerKind(AveragePool2D(Window(Extent(2, 3), padding: .sides(Halo(bottom: 2)))))] + head,
        "model.layers[1] (l1)", "padding [0, 2, 0, 0] with pool_size 2×3; allowed: less than pool_size"
      ),
      ([.flatten, LayerKind(GlobalAveragePool2D())] + head, "model.layers[1] (l1)", "168 flat"),
      ([conv(1, 8, .valid)] + head, "model.layers[0] (l0)", "at most 7"),
      ([conv(0, 3, .same)] + head, "model.layers[0] (l0)", "filters 0"),
      ([.dense(units: 4), .softmax], "model.layers[0] (l0)", "7×8×3"),
      ([.flatten, conv(1, 1, .same)] + head, "model.layers[1] (l1)", "168 flat"),
      ([.flatten, .averagePool2d, .dense(units: 4), .softmax], "model.layers[1] (l1)", "168 flat"),
      ([.flatten] + head, "model.layers[1] (l1)", "flat already"),
      ([.flatten, .dense(units: 4)], "model.layers[1] (l1)", "dense"),
      ([.flatten, .softmax, .dense(units: 4), .softmax], "model.layers[1] (l1)", "layer 2 of 4"),
      ([.flatten, .softmax], "model.layers", "no layer with parameters"),
      ([], "model.layers", "no layer with parameters"),
      (
        [window(Window(Extent(2, 3), dilation: Extent(4, 5), padding: .sides(Halo(left: 1))))] + head,
        "model.layers[0] (l0)",
        "kernel_size 2×3 with dilation_rate 4×5 covers 5×11 pixels and meets an image of 7×8, with its padding 7×9"
      ),
      ([window(Window(Extent(3), strides: Extent(0, 1)))] + head, "model.layers[0] (l0)", "strides 0×1"),
      (
        [window(Window(Extent(3), strides: Extent(2)), .winograd)] + head, "model.layers[0] (l0)",
        "found algorithm \"winograd\" with strides 2×2; allowed: strides 1"
      ),
      (
        [window(Window(Extent(3), dilation: Extent(1, 2)), .winograd)] + head, "model.layers[0] (l0)",
        "dilation_rate 1×2; allowed: dilation_rate 1"
      ),
      (
        [grouped(2)] + head, "model.layers[0] (l0)",
        "groups 2 meets 3 channels and 6 filters; allowed: a number that divides both"
      ),
      (
        [grouped(3, .winograd)] + head, "model.layers[0] (l0)",
        "found algorithm \"winograd\" with groups 3; allowed: groups 1"
      ),
      ([LayerKind(DepthwiseConv2D(Window(Extent(8))))] + head, "model.layers[0] (l0)", "at most 7×8"),
      ([window(Window(Extent(3, 5)), .winograd)] + head, "model.layers[0] (l0)", "kernel_size 3×5; allowed"),
      (
        [.conv2d(filters: 2, kernelSize: 7, padding: .same, algorithm: .winograd)] + head, "model.layers[0] (l0)",
        "found algorithm \"winograd\" with kernel_size 7×7; allowed: kernel_size 3 or 5"
      ),
      (
        [.conv2d(filters: 2, kernelSize: 4, padding: .valid, algorithm: .winograd)] + head, "model.layers[0] (l0)",
        "kernel_size 4×4"
      ),
      ([conv(Int(Int32.max), 1, .same)] + head, "model.layers[0] (l0)", "at most 2147483647"),
    ] as [([LayerKind], String, String)])
  func whatDoesNotFitIsNamedWithItsShape(kinds: [LayerKind], subject: String, words: String) throws {
    do {
      _ = try shapes(7, 8, 3, kinds)
      Issue.record("accepted \(kinds)")
    } catch let error as UserError {
      #expect(error.category == .badConfiguration)
      #expect(error.subject == subject)
      #expect(error.description.contains(words), "\(error)")
    }
  }

  /// What cannot be a gradient is refused before anything is laid out: softmax takes one value per class.
  @Test(
    "softmax over a map is refused",
    arguments: [
      [.flatten, .softmax], [.relu, .flatten, .softmax], [.maxPool2d(ties: .all), .flatten, .softmax],
      [.averagePool2d, .flatten, .relu, .softmax],
    ] as [[LayerKind]])
  func softmaxOverAMapIsRefused(kinds: [LayerKind]) throws {
    let model = ModelSpecification(
      input: ImageShape(height: 4, width: 6, channels: 3),
      layers: TestNetworks.named([Self.conv(2, 3, .same)] + kinds))
    let error = try #require(userError { _ = try NetworkPlan(model, capacity: ImageCapacity(shard: 1)) })
    #expect(error.category == .badConfiguration && error.subject == "model.layers[\(kinds.count)] (softmax_1)")
    #expect(error.message.contains("it takes one value per class"))
    #expect(error.hint == "put a dense layer with one unit per class before it")
  }

  /// The weight gradient's rows, 32 floats each, are found by offsets of 32 bits: 2²⁶ rows have them, one more has not.
  @Test("kernels beyond the offsets are refused with the arithmetic")
  func kernelsBeyondTheOffsetsAreRefusedWithTheArithmetic() throws {
    func error(_ channels: Int, _ size: Int, _ kinds: [LayerKind] = []) -> UserError? {
      let model = ModelSpecification(
        input: ImageShape(height: 1, width: 1, channels: channels),
        layers: TestNetworks.named(kinds + [Self.conv(1, size, .same)] + Self.head))
      return userError { _ = try NetworkPlan(model, capacity: ImageCapacity(shard: 1)) }
    }
    let first = try #require(error(256, 600))
    #expect(first.category == .badConfiguration && first.subject == "model.layers[0] (conv2d_1)")
    #expect(first.message.contains("600 × 600 × 256 × 32 = 2949120000"), "\(first)")
    #expect(first.message.contains("allowed: at most 2147483648"), "\(first)")
    // 187 channels are 192 where they are padded.
    let second = try #require(error(8, 600, [Self.conv(187, 1, .same)]))
    #expect(second.subject == "model.layers[1] (conv2d_2)" && second.message.contains("600 × 600 × 192 × 32"))
    #expect(error(16, 60) == nil)
  }

  /// Kernels find images by offsets of 32 bits: 31 maps of 1026² pixels of 64 channels are below 2³¹, 32 are not.
  @Test("images beyond the offsets of kernels are refused")
  func imagesBeyondTheOffsetsOfKernelsAreRefused() throws {
    let kinds: [LayerKind] = [Self.conv(16, 3, .same)] + Self.head
    let model = ModelSpecification(
      input: ImageShape(height: 1024, width: 1024, channels: 64),
      layers: kinds.enumerated().map { LayerSpecification(name: "l\($0.offset)", kind: $0.element) })
    _ = try NetworkPlan(model, capacity: ImageCapacity(shard: 31))
    let error = try #require(throws: UserError.self) {
      _ = try NetworkPlan(model, capacity: ImageCapacity(shard: 32))
    }
    #expect(error.category == .badConfiguration && error.subject == "runtime.shard_size")
    #expect(error.description.contains("32 examples of 1024×1024×64"), "\(error)")
  }
}
