import Configuration
import Network
import TestSupport
import Testing

@Suite("Residual blocks in a configuration")
struct ResidualTests {
  static let text = configurationText(
    layers: """
      { type: 'conv2d', filters: 16, kernel_size: 3, padding: 'same', use_bias: false }, { type: 'batch_norm' },
      { type: 'residual', repeat: 2, activation: 'relu', layers: [
        { type: 'conv2d', filters: 16, kernel_size: 3, padding: 'same', use_bias: false }, { type: 'batch_norm' },
        { type: 'relu' }, { type: 'conv2d', name: 'last', filters: 16, kernel_size: 3, padding: 'same' } ] },
      { type: 'residual', layers: [ { type: 'conv2d', filters: 8, kernel_size: 1, strides: 2 } ],
        shortcut: [ { type: 'conv2d', filters: 8, kernel_size: 1, strides: 2 }, { type: 'batch_norm', momentum: 0.5 } ] },
      { type: 'global_avg_pool2d' }, { type: 'dense', units: 10 }, { type: 'softmax' }
      """)

  @Test("stand for layers with the names that their tensors have")
  func names() throws {
    let run = try configuration(Self.text)
    #expect(
      run.model.layers.map(\.name) == [
        "conv2d_1", "batch_norm_1",
        "residual_1_1/conv2d_1", "residual_1_1/batch_norm_1", "residual_1_1/relu_1", "residual_1_1/last",
        "residual_1_1/add", "residual_1_1/relu",
        "residual_1_2/conv2d_1", "residual_1_2/batch_norm_1", "residual_1_2/relu_1", "residual_1_2/last",
        "residual_1_2/add", "residual_1_2/relu",
        "residual_2/conv2d_1", "residual_2/shortcut/conv2d_1", "residual_2/shortcut/batch_norm_1", "residual_2/add",
        "global_avg_pool2d_1", "dense_1", "softmax_1",
      ])
    let adds = run.model.layers.filter { $0.kind == LayerKind(Add()) }
    #expect(
      adds.map(\.inputs) == [
        ["residual_1_1/last", "batch_norm_1"], ["residual_1_2/last", "residual_1_1/relu"],
        ["residual_2/conv2d_1", "residual_2/shortcut/batch_norm_1"],
      ])
    #expect(
      run.model.layers[14].inputs == ["residual_1_2/relu"] && run.model.layers[15].inputs == ["residual_1_2/relu"])
    let graph = try ModelGraph(run.model)
    #expect(graph.values.map(\.shape.image)[15] == ImageShape(height: 4, width: 4, channels: 8))
  }

  @Test("are the same net as their layers one by one")
  func sameAsByHand() throws {
    let run = try configuration(Self.text)
    let flat = ModelSpecification(input: run.model.input, layers: run.model.layers)
    #expect(flat != run.model && flat.layers == run.model.layers)
    #expect(try ModelGraph(flat).layers.map(\.inputs) == ModelGraph(run.model).layers.map(\.inputs))
  }

  @Test(
    "name a mistake inside by its key path",
    arguments: [
      ("layers: []", "model.layers[0].layers", "1 to 256 layers"),
      ("", "model.layers[0].layers", "is missing"),
      ("layers: [{ type: 'relu' }], repeat: 0", "model.layers[0].repeat", "1 to 256"),
      ("layers: [{ type: 'relu' }], activation: 'tanh'", "model.layers[0].activation", "\"relu\""),
      (
        "layers: [{ type: 'relu' }, { type: 'conv2d', filters: 0, kernel_size: 3 }]",
        "model.layers[0].layers[1].filters", "found 0"
      ),
      ("layers: [{ type: 'relu' }], shortcut: [{ type: 'lstm' }]", "model.layers[0].shortcut[0].type", "\"lstm\""),
      ("layers: [{ type: 'residual', layers: [] }]", "model.layers[0].layers[0].type", "\"residual\""),
      (
        "layers: [{ type: 'conv2d', filters: 2, kernel_size: 3 }]", "model.layers[0]", "adds the shapes 6×6×2 and 8×8×1"
      ),
      ("layers: [{ type: 'dense', units: 3 }]", "model.layers[0].layers[0]", "allowed: flat values"),
      (
        "layers: [{ type: 'relu', name: 'a' }, { type: 'relu', name: 'a' }]", "model.layers[0].layers[1].name",
        "the name of"
      ),
    ])
  func mistakes(keys: String, subject: String, words: String) {
    let error = configurationError(
      configurationText(
        layers: "{ type: 'residual', \(keys) }, { type: 'flatten' }, { type: 'dense', units: 10 }, { type: 'softmax' }")
    )
    let parts = error.parts.isEmpty ? [error] : error.parts
    #expect(parts.contains { $0.subject.hasPrefix(subject) }, "\(error)")
    #expect(error.description.contains(words), "\(error)")
  }

  @Test("leave the places of the entries after them as they are")
  func later() {
    let layers =
      "{ type: 'residual', layers: [{ type: 'relu' }, { type: 'relu' }], repeat: 3 }, { type: 'dense', units: 3 }"
    #expect(configurationError(configurationText(layers: layers)).subject == "model.layers[1] (dense_1)")
  }

  @Test("are refused where two layers would have tensors of one name")
  func sameNames() {
    let block = "{ type: 'residual', name: 'a', repeat: 2, layers: [{ type: 'relu' }] }"
    let other = "{ type: 'residual', name: 'a_2', layers: [{ type: 'relu' }] }"
    let error = configurationError(configurationText(layers: "\(block), \(other), { type: 'softmax' }"))
    #expect(error.subject == "model.layers[1].layers[0] (a_2/relu_1)")
    #expect(error.description.contains("a layer before it has this name"), "\(error)")
  }

  @Test("are refused where a small file stands for more layers than a net has")
  func tooManyLayers() {
    let layers = [String](repeating: "{ type: 'relu' }", count: 256).joined(separator: ", ")
    let error = configurationError(configurationText(layers: "{ type: 'residual', repeat: 256, layers: [\(layers)] }"))
    #expect(error.subject == "model.layers")
    #expect(error.description.contains("stand for 65792 layers in all; allowed: at most 4096"), "\(error)")
  }
}
