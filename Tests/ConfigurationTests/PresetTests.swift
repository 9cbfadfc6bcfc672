import Configuration
import Network
import TestSupport
import Testing

@Suite("Presets in a configuration")
struct PresetTests {
  /// Every preset, with every stem.
  static let texts = PresetRegistry.presets.flatMap { preset in
    (preset.hasStem ? PresetStem.allCases.map { ", stem: '\($0.rawValue)'" } : [""]).map {
      text("preset: '\(preset.name)', classes: 7\($0)")
    }
  }

  static func text(_ model: String) -> String { "{ model: { \(model) } }" }

  /// The parameters that are trained.
  private func count(_ name: String, classes: Int, stem: PresetStem? = nil) throws -> Int {
    let model = try #require(PresetRegistry.preset(named: name)).model(classes: classes, stem: stem)
    let graph = try ModelGraph(model)
    return graph.layers.reduce(0) { sum, layer in
      sum + graph.parameters(of: layer).filter(\.role.isTrained).reduce(0) { $0 + $1.elementCount }
    }
  }

  @Test(
    "have as many parameters as the original",
    arguments: [
      // He et al. 2016 with projections: 16·32 + 32·64 weights and 2·(32 + 64) values of norms more than without.
      ("resnet20", 10, 272_474), ("resnet32", 10, 466_906), ("resnet56", 10, 855_770),
      // torchvision.
      ("resnet18", 1000, 11_689_512), ("resnet34", 1000, 21_797_672), ("resnet50", 1000, 25_557_032),
      ("mobilenet_v2", 1000, 3_504_872),
      // torchvision's `features` without biases, 9 225 984 − 2752 and 14 723 136 − 4224, and 512 · 512 + 512 + 512 · 10 + 10.
      ("vgg11_bn", 10, 9_223_232 + 267_786), ("vgg16_bn", 10, 14_718_912 + 267_786),
    ])
  func parameters(name: String, classes: Int, expected: Int) throws {
    #expect(try count(name, classes: classes) == expected)
  }

  @Test("with a stem for CIFAR have a 3×3 convolution instead of a 7×7")
  func stems() throws {
    for name in ["resnet18", "resnet34", "resnet50"] {
      let (large, small) = (try count(name, classes: 10), try count(name, classes: 10, stem: .cifar))
      #expect(large - small == 64 * 3 * (7 * 7 - 3 * 3))
    }
    #expect(try count("resnet18", classes: 10, stem: .cifar) == 11_173_962)
  }

  @Test("mobilenet_v2 with a stem for CIFAR has its weights, and maps four times as high and wide")
  func mobileNet() throws {
    #expect(try count("mobilenet_v2", classes: 1000, stem: .cifar) == 3_504_872)
    for (stem, input, last) in [(PresetStem.imagenet, 224, 7), (.cifar, 32, 4)] {
      let model = try #require(PresetRegistry.preset(named: "mobilenet_v2")).model(classes: 10, stem: stem)
      #expect(model.input == ImageShape(height: input, width: input, channels: 3))
      let shapes = try model.outputShapes()
      #expect(shapes[shapes.count - 5] == ImageShape(height: last, width: last, channels: 1280))
      #expect(model.layers.filter { $0.kind == LayerKind(Add()) }.count == 10)
    }
  }

  @Test("are the nets of the example configurations", arguments: [("lenet", "lenet"), ("caffe_cifar", "caffe-cifar")])
  func examples(name: String, file: String) throws {
    let written = try ConfigurationReader.read(file: fixture("../../Config/\(file).json"))
    #expect(try configuration(Self.text("preset: '\(name)', classes: 10")).model == written.model)
  }

  @Test("give way to another size and another number of classes")
  func sizes() throws {
    let run = try configuration(Self.text("preset: 'resnet20', classes: 3, input: [24, 16, 1]"))
    #expect(run.model.input == ImageShape(height: 24, width: 16, channels: 1))
    #expect(try ModelGraph(run.model).classes == 3)
    let large = try configuration(Self.text("preset: 'resnet50', classes: 1000"))
    #expect(large.model.input == ImageShape(height: 224, width: 224, channels: 3))
    let shapes = try large.model.outputShapes()
    #expect(shapes[3] == ImageShape(height: 56, width: 56, channels: 64))
    #expect(shapes[shapes.count - 4] == ImageShape(height: 7, width: 7, channels: 2048))
    let small = try configuration(Self.text("preset: 'resnet18', stem: 'cifar', classes: 1000"))
    #expect(small.model.input == ImageShape(height: 32, width: 32, channels: 3))
  }

  @Test("are written as layers, with names that reading them gives too")
  func written() throws {
    let run = try configuration(Self.text("preset: 'resnet20', classes: 10"))
    #expect(!run.jsonText.contains("preset"))
    #expect(run.model.layers.first?.name == "conv2d_1")
    #expect(run.model.layers.contains { $0.name == "residual_1_3/conv2d_2" })
    #expect(run.model.layers.contains { $0.name == "residual_2/shortcut/conv2d_1" })
    let nameless = run.jsonText.split(separator: "\n").map { line in
      line.replacing(#/"name": "[a-z0-9_]+", /#, with: "")
    }
    #expect(nameless.joined() != run.jsonText.split(separator: "\n").joined())
    #expect(try configuration(nameless.joined(separator: "\n")).model == run.model)
  }

  @Test(
    "name what is wrong",
    arguments: [
      ("preset: 'resnet21', classes: 10", "model.preset", "the nearest is \"resnet20\""),
      ("preset: 'resnet20'", "model.classes", "is missing"),
      ("preset: 'resnet20', classes: 0", "model.classes", "1 to 65536"),
      ("preset: 'resnet20', classes: 10, layers: []", "model.layers", "layers goes without preset"),
      ("preset: 'resnet20', classes: 10, stem: 'cifar'", "model.stem", "stem goes with preset \"resnet18\" or"),
      ("preset: 'resnet18', classes: 10, stem: 'small'", "model.stem", "\"imagenet\", \"cifar\""),
      ("preset: 'resnet18', classes: 10, input: [0, 1, 1]", "model.input[0]", "found 0"),
      ("preset: 5, classes: 10", "model.preset", "\"lenet\""),
      ("input: [8, 8, 1], classes: 10", "model.classes", "classes goes with preset"),
      ("input: [8, 8, 1]", "model.layers", "or preset instead"),
      (
        "preset: 'vgg11_bn', classes: 10, input: [8, 8, 1]", "model.preset (max_pool2d_4)", "made for images of 32×32×3"
      ),
    ])
  func mistakes(model: String, subject: String, words: String) {
    let error = configurationError(Self.text(model))
    let parts = error.parts.isEmpty ? [error] : error.parts
    #expect(parts.contains { $0.subject.hasPrefix(subject) }, "\(error)")
    #expect(error.description.contains(words), "\(error)")
  }

  @Test("replace the layers of a file by overrides, which must take the layers away")
  func overrides() throws {
    let file = configurationText()
    let changed = try configuration(
      file,
      [
        .set("model.layers", "null"), .set("model.input", "null"), .set("model.preset", "lenet"),
        .set("model.classes", "4"),
      ])
    #expect(changed.model == PresetRegistry.preset(named: "lenet")?.model(classes: 4))
    #expect(
      configurationError(file, [.set("model.preset", "lenet")]).description.contains("layers goes without preset"))
  }
}
