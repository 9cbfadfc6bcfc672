import Configuration
import Diagnostics
import Network
import Storage
import TestSupport
import Testing
import Training

@testable import Exchange

@Suite("Weights of other frameworks")
struct WeightFormatTests {
  /// A net in which every kind of parameter has an order of its own.
  private let example = ExchangeCase(
    name: "orders",
    model: ModelSpecification(
      input: ImageShape(height: 2, width: 2, channels: 3),
      layers: TestNetworks.named([
        LayerKind(DepthwiseConv2D(Window(Extent(1, 2), padding: .same), multiplier: 2)),
        LayerKind(BatchNorm(center: false)), .relu,
        LayerKind(Conv2D(filters: 4, Window(Extent(1, 2), padding: .same), groups: 2, usesBias: false)), .flatten,
        .dense(units: 2), .softmax,
      ])))

  private func written(_ format: WeightFormat) throws -> [String: NamedTensor] {
    let tensors = try WeightsExport.tensors(
      try example.weights(), format, try ModelGraph(example.model), try ParameterTable.of(example.configuration))
    return Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
  }

  private func own(_ name: String) throws -> [Float] {
    try #require(example.weights().first { $0.name == name }).values
  }

  /// Every place in an array of these sizes, row-major.
  private func places(_ sizes: Int...) -> [[Int]] {
    sizes.reduce([[]]) { places, size in places.flatMap { place in (0..<size).map { place + [$0] } } }
  }

  @Test("PyTorch: [filters, channels, height, width], and flattened images channel by channel")
  func pytorch() throws {
    let tensors = try written(.pytorch)
    // [1, 2, 3, 2] here: tap, channel, result.
    let depthwise = try own("depthwise_conv2d_1.weight")
    #expect(tensors["depthwise_conv2d_1.weight"]?.shape == [6, 1, 1, 2])
    let channelByChannel: [Float] = places(6, 2).map { depthwise[$0[1] * 6 + $0[0]] }
    #expect(tensors["depthwise_conv2d_1.weight"]?.values == channelByChannel)
    let grouped = try own("conv2d_1.weight")
    #expect(tensors["conv2d_1.weight"]?.shape == [4, 3, 1, 2])
    let filterByFilter: [Float] = places(4, 3, 2).map { grouped[($0[2] * 3 + $0[1]) * 4 + $0[0]] }
    #expect(tensors["conv2d_1.weight"]?.values == filterByFilter)
    let dense = try own("dense_1.weight")
    #expect(tensors["dense_1.weight"]?.shape == [2, 16])
    let planeByPlane: [Float] = places(2, 4, 4).map { dense[$0[0] * 16 + $0[2] * 4 + $0[1]] }
    #expect(tensors["dense_1.weight"]?.values == planeByPlane)
    // A norm that learns its factor alone has a shift in PyTorch.
    #expect(tensors["batch_norm_1.bias"]?.values == [Float](repeating: 0, count: 6))
    #expect(try tensors["batch_norm_1.running_var"]?.values == own("batch_norm_1.running_var"))
    #expect(tensors.count == 9)
  }

  @Test("Keras: kernels as here, dense layers [inputs, units], its own names for norms")
  func keras() throws {
    let tensors = try written(.keras)
    #expect(try tensors["depthwise_conv2d_1/kernel"]?.values == own("depthwise_conv2d_1.weight"))
    #expect(tensors["depthwise_conv2d_1/kernel"]?.shape == [1, 2, 3, 2])
    let dense = try own("dense_1.weight")
    #expect(tensors["dense_1/kernel"]?.shape == [16, 2])
    let transposed: [Float] = places(16, 2).map { dense[$0[1] * 16 + $0[0]] }
    #expect(tensors["dense_1/kernel"]?.values == transposed)
    #expect(
      Set(tensors.keys) == [
        "depthwise_conv2d_1/kernel", "depthwise_conv2d_1/bias", "batch_norm_1/gamma", "batch_norm_1/moving_mean",
        "batch_norm_1/moving_variance", "conv2d_1/kernel", "dense_1/kernel", "dense_1/bias",
      ])
  }

  @Test("a residual block's layers are modules in a module")
  func blocks() throws {
    let model = try #require(PresetRegistry.preset(named: "resnet20")).model(classes: 10)
    var run = example.configuration
    run.model = model
    let (graph, table) = (try ModelGraph(model), try ParameterTable.of(run))
    let torch = try ForeignTensor.all(.pytorch, graph, table).map(\.name)
    #expect(torch.contains("residual_1_2.conv2d_2.weight") && torch.contains("residual_2.shortcut.batch_norm_1.bias"))
    let keras = try ForeignTensor.all(.keras, graph, table).map(\.name)
    #expect(keras.contains("residual_1_2.conv2d_2/kernel") && keras.contains("residual_2.shortcut.batch_norm_1/beta"))
  }

  // MARK: Import

  private func load(
    _ tensors: [NamedTensor], _ format: WeightFormat = .pytorch, newHead: Bool = false
  ) throws -> WeightsImport {
    let folder = try TemporaryFolder()
    try Safetensors.write(tensors, metadata: [:], to: folder.file("other.safetensors"))
    return try WeightsImport(
      folder.file("other.safetensors"), format, try ModelGraph(example.model),
      try ParameterTable.of(example.configuration), newHead: newHead)
  }

  @Test("every missing, unknown and misshapen tensor is named")
  func mistakes() throws {
    var tensors = try written(.pytorch)
    tensors["conv2d_1.weight"] = nil
    tensors["dense_1.bias"] = NamedTensor(name: "dense_1.bias", shape: [3], values: [1, 2, 3])
    tensors["dense_2.bias"] = NamedTensor(name: "dense_2.bias", shape: [1], values: [1])
    let error = try #require(throws: UserError.self) { try load(Array(tensors.values)) }
    #expect(error.category == .badData && error.subject.hasSuffix("other.safetensors"))
    #expect(
      Set(error.parts.map(\.description)) == [
        "conv2d_1.weight: is missing; the network needs it with shape [4, 3, 1, 2]",
        "dense_1.bias: is F32 of shape [3]; the network needs F32 of shape [2]",
        "dense_2.bias: the network has no such tensor",
      ])
  }

  @Test("values that are not finite, or that the network cannot have, are refused")
  func values() throws {
    for (name, value, words) in [
      ("conv2d_1.weight", Float.nan, "holds NaN"), ("batch_norm_1.bias", 0.5, "other values than 0"),
    ] {
      var tensors = try written(.pytorch)
      tensors[name]?.values[1] = value
      let error = try #require(throws: UserError.self) { try load(Array(tensors.values)) }
      #expect(error.category == .badData && error.description.contains(words), "\(error)")
    }
  }

  @Test("counters of batches are left out")
  func counters() throws {
    let counter = NamedTensor(name: "batch_norm_1.num_batches_tracked", shape: [], values: [7])
    let found = try load(Array(try written(.pytorch).values) + [counter])
    #expect(found.ignored == ["batch_norm_1.num_batches_tracked"])
    #expect(found.values.allSatisfy { $0 != nil })
  }

  @Test("a new head takes the place of dense layers that do not fit")
  func newHead() throws {
    var tensors = try written(.pytorch)
    tensors["dense_1.weight"] = NamedTensor(
      name: "dense_1.weight", shape: [3, 16], values: [Float](repeating: 1, count: 48))
    tensors["dense_1.bias"] = NamedTensor(name: "dense_1.bias", shape: [3], values: [1, 2, 3])
    #expect(throws: UserError.self) { try load(Array(tensors.values)) }
    let found = try load(Array(tensors.values), newHead: true)
    let table = try ParameterTable.of(example.configuration)
    #expect(
      zip(table.parameters, found.values).filter { $1 == nil }.map(\.0.name) == ["dense_1.weight", "dense_1.bias"])
    #expect(found.ignored == ["dense_1.bias", "dense_1.weight"])
    // What fits is taken, and only the head may be new.
    #expect(try load(Array(written(.pytorch).values), newHead: true).values.allSatisfy { $0 != nil })
    tensors["conv2d_1.weight"] = nil
    #expect(throws: UserError.self) { try load(Array(tensors.values), newHead: true) }
  }

  // MARK: torchvision

  private func torchvisionNames(_ model: ModelSpecification) throws -> [String] {
    var run = example.configuration
    run.model = model
    return try ForeignTensor.all(.torchvision, try ModelGraph(model), try ParameterTable.of(run))
      .filter { !$0.isOptional }.map(\.name)
  }

  @Test("ResNet's names are torchvision's")
  func resnet() throws {
    let small = try torchvisionNames(try #require(PresetRegistry.preset(named: "resnet18")).model(classes: 1000))
    #expect(small.count == 102)
    #expect(
      small.prefix(10) == [
        "conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var", "layer1.0.conv1.weight",
        "layer1.0.bn1.weight", "layer1.0.bn1.bias", "layer1.0.bn1.running_mean", "layer1.0.bn1.running_var",
      ])
    for name in ["layer1.1.conv2.weight", "layer2.0.downsample.0.weight", "layer4.1.bn2.running_var", "fc.bias"] {
      #expect(small.contains(name), "\(name)")
    }
    #expect(!small.contains("layer1.0.downsample.0.weight"))
    let large = try torchvisionNames(try #require(PresetRegistry.preset(named: "resnet50")).model(classes: 1000))
    for name in [
      "layer1.0.downsample.1.weight", "layer1.2.conv3.weight", "layer3.5.bn3.bias", "layer4.2.conv1.weight",
    ] { #expect(large.contains(name), "\(name)") }
    #expect(large.count == 267)
    #expect(Set(large).count == large.count)
  }

  @Test("a bias before a norm is taken from the norm's running mean")
  func biasBeforeNorm() throws {
    let example = ExchangeCase(
      name: "vgg",
      model: ModelSpecification(
        input: ImageShape(height: 1, width: 1, channels: 1),
        layers: TestNetworks.named([
          LayerKind(Conv2D(filters: 2, Window(Extent(1)), usesBias: false)), .batchNorm, .relu, .flatten,
          .dense(units: 2), .softmax,
        ])))
    let (graph, table) = (try ModelGraph(example.model), try ParameterTable.of(example.configuration))
    let weights = try example.weights()
    var tensors = try WeightsExport.tensors(weights, .torchvision, graph, table)
    #expect(!tensors.contains { $0.name == "features.0.bias" })
    tensors.append(NamedTensor(name: "features.0.bias", shape: [2], values: [0.5, -2]))
    let folder = try TemporaryFolder()
    try Safetensors.write(tensors, metadata: [:], to: folder.file("vgg.safetensors"))
    let found = try WeightsImport(folder.file("vgg.safetensors"), .torchvision, graph, table)
    for (weight, values) in zip(weights, found.values) {
      let shift: [Float] = weight.name.hasSuffix("running_mean") ? [0.5, -2] : []
      #expect(values == (shift.isEmpty ? weight.values : zip(weight.values, shift).map { $0 - $1 }), "\(weight.name)")
    }
  }

  @Test("MobileNetV2's names are torchvision's")
  func mobileNet() throws {
    func convolution(_ filters: Int) -> [LayerKind] {
      [LayerKind(Conv2D(filters: filters, Window(Extent(1)), usesBias: false)), .batchNorm]
    }
    let depthwise: [LayerKind] = [
      LayerKind(DepthwiseConv2D(Window(Extent(3), padding: .same), usesBias: false)), .batchNorm, .relu,
    ]
    var names = LayerNames()
    func layers(_ kinds: [LayerKind]) -> [ModelEntry] {
      kinds.map { .layer(LayerSpecification(name: names.next($0.typeName), kind: $0)) }
    }
    let first = layers(convolution(4) + [.relu] + depthwise + convolution(2) + convolution(12) + [.relu])
    let rest = layers(depthwise + convolution(2))
    let block = ModelEntry.residual(
      ResidualBlock(
        name: "block", layers: TestNetworks.named(convolution(12) + [.relu] + depthwise + convolution(2))))
    let end = layers(convolution(8) + [.relu, LayerKind(GlobalAveragePool2D()), .dense(units: 3), .softmax])
    let model = ModelSpecification(
      input: ImageShape(height: 4, width: 4, channels: 3), entries: first + rest + [block] + end)
    let found = try torchvisionNames(model).filter { $0.hasSuffix(".weight") }
    #expect(
      found == [
        "features.0.0.weight", "features.0.1.weight",
        "features.1.conv.0.0.weight", "features.1.conv.0.1.weight", "features.1.conv.1.weight",
        "features.1.conv.2.weight",
        "features.2.conv.0.0.weight", "features.2.conv.0.1.weight", "features.2.conv.1.0.weight",
        "features.2.conv.1.1.weight", "features.2.conv.2.weight", "features.2.conv.3.weight",
        "features.3.conv.0.0.weight", "features.3.conv.0.1.weight", "features.3.conv.1.0.weight",
        "features.3.conv.1.1.weight", "features.3.conv.2.weight", "features.3.conv.3.weight",
        "features.4.0.weight", "features.4.1.weight", "classifier.1.weight",
      ])
  }

  @Test("VGG's names count the layers as torchvision's do")
  func vgg() throws {
    let names = try torchvisionNames(try #require(PresetRegistry.preset(named: "vgg11_bn")).model(classes: 10))
    let convolutions = names.filter { $0.hasPrefix("features") && $0.hasSuffix(".running_var") }
    #expect(
      convolutions.map { $0.split(separator: ".")[1] } == ["1", "5", "9", "12", "16", "19", "23", "26"])
    #expect(
      names.suffix(4) == ["classifier.0.weight", "classifier.0.bias", "classifier.3.weight", "classifier.3.bias"])
  }
}
