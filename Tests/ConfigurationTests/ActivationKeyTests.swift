import Configuration
import Network
import TestSupport
import Testing

@Suite("Activation as a key of a layer")
struct ActivationKeyTests {
  private static let keys = """
    { type: 'conv2d', filters: 4, kernel_size: 3, activation: 'relu' }, { type: 'relu' },
    { type: 'depthwise_conv2d', name: 'own', kernel_size: 3, activation: 'relu6' },
    { type: 'residual', activation: 'silu', layers: [
      { type: 'conv2d', filters: 4, kernel_size: 1, activation: 'gelu' }, { type: 'conv2d', filters: 4, kernel_size: 1 } ] },
    { type: 'flatten' }, { type: 'dense', units: 5, activation: 'leaky_relu' },
    { type: 'dense', units: 10, activation: null }, { type: 'softmax' }
    """
  private static let layers = """
    { type: 'conv2d', filters: 4, kernel_size: 3 }, { type: 'relu' }, { type: 'relu' },
    { type: 'depthwise_conv2d', name: 'own', kernel_size: 3 }, { type: 'relu', max_value: 6 },
    { type: 'residual', activation: 'silu', layers: [
      { type: 'conv2d', filters: 4, kernel_size: 1 }, { type: 'gelu' }, { type: 'conv2d', filters: 4, kernel_size: 1 } ] },
    { type: 'flatten' }, { type: 'dense', units: 5 }, { type: 'leaky_relu' }, { type: 'dense', units: 10 },
    { type: 'softmax' }
    """

  @Test("is the layer after it, with the name that an entry would have")
  func sameNet() throws {
    let (short, long) = (
      try configuration(configurationText(layers: Self.keys)), try configuration(configurationText(layers: Self.layers))
    )
    #expect(short.model == long.model)
    #expect(
      short.model.layers.map(\.name) == [
        "conv2d_1", "relu_1", "relu_2", "own", "relu_3", "residual_1/conv2d_1", "residual_1/gelu_1",
        "residual_1/conv2d_2", "residual_1/add", "residual_1/silu", "flatten_1", "dense_1", "leaky_relu_1", "dense_2",
        "softmax_1",
      ])
    #expect(short.model.layers[4].kind == .relu6 && short.model.layers[9].kind == LayerKind(SiLU()))
  }

  @Test("is printed as an entry, and that of a block as its key")
  func printed() throws {
    let run = try configuration(configurationText(layers: Self.keys))
    #expect(run.jsonText.split(separator: "\"activation\"").count == 2 && run.jsonText.contains("\"max_value\": 6"))
    #expect(try configuration(run.jsonText) == run)
    let block = "{ type: 'residual', activation: 'relu6', layers: [{ type: 'relu' }] }"
    let net = try configuration(
      configurationText(layers: "\(block), { type: 'flatten' }, { type: 'dense', units: 10 }, { type: 'softmax' }"))
    #expect(net.jsonText.contains("\"activation\": \"relu6\"") && net.model.layers[2].name == "residual_1/relu")
    #expect(try configuration(net.jsonText) == net)
  }

  @Test(
    "names what is wrong",
    arguments: [
      ("{ type: 'conv2d', filters: 4, kernel_size: 3, activation: 'tanh' }", "model.layers[0].activation", "\"relu6\""),
      ("{ type: 'dense', units: 4, activation: 'rely' }", "model.layers[0].activation", "nearest is"),
      ("{ type: 'batch_norm', activation: 'relu' }", "model.layers[0].activation", "activation goes with type"),
      (
        "{ type: 'conv2d', filters: 4, kernel_size: 3, activation: 'relu' }, { type: 'gelu', name: 'relu_1' }",
        "model.layers[1].name", "also the name of model.layers[0]"
      ),
      (
        "{ type: 'gelu', name: 'relu_1' }, { type: 'conv2d', filters: 4, kernel_size: 3, activation: 'relu' }",
        "model.layers[1].activation", "also the name of model.layers[0]"
      ),
      ("{ type: 'relu', max_value: 0 }", "model.layers[0].max_value", "above 0"),
      ("{ type: 'leaky_relu', max_value: 6 }", "model.layers[0].max_value", "max_value goes with type \"relu\""),
      (
        "{ type: 'conv2d', filters: 4, kernel_size: 3, initializer: 'he' }", "model.layers[0].initializer",
        "\"glorot_uniform\""
      ),
      ("{ type: 'relu', initializer: 'zeros' }", "model.layers[0].initializer", "initializer goes with type"),
      ("{ type: 'dropout' }", "model.layers[0].rate", "is missing"),
      ("{ type: 'dropout', rate: 1 }", "model.layers[0].rate", "at least 0 and below 1"),
      ("{ type: 'dropout', rate: -0.1 }", "model.layers[0].rate", "found -0.1"),
    ])
  func mistakes(layers: String, subject: String, words: String) {
    let error = configurationError(
      configurationText(layers: "\(layers), { type: 'flatten' }, { type: 'dense', units: 10 }, { type: 'softmax' }"))
    let parts = error.parts.isEmpty ? [error] : error.parts
    #expect(parts.contains { $0.subject.hasPrefix(subject) }, "\(error)")
    #expect(error.description.contains(words), "\(error)")
  }
}
