internal import Storage

/// A layer of a model, by the name and with the keys and defaults that it has in a configuration file.
///
/// Every kind of layer is a static function: `.conv2d(filters: 32, kernelSize: 3)`, `.relu()`. Values lie
/// height × width × channels. Whether a layer's settings are allowed, and fit those before it, is checked when an
/// ``Experiment`` is made.
public struct Layer: Sendable, Hashable {
  let json: JSONValue

  init(_ type: String, name: String?, _ members: [(String, (any ConfigurationValue)?)] = []) {
    json = .section([("type", type), ("name", name)] + members)
  }
}

extension Layer: ConfigurationValue {}

extension Layer {
  /// A function that is applied to every value of a layer's output.
  public enum Activation: String, Sendable, Hashable, CaseIterable {
    /// max(x, 0).
    case relu
    /// min(max(x, 0), 6).
    case relu6
    /// x, and 0.01·x below 0.
    case leakyRelu = "leaky_relu"
    /// x·Φ(x) with the normal distribution's Φ, exactly.
    case gelu
    /// x / (1 + e⁻ˣ).
    case silu
  }

  /// How weights start; biases start at 0.
  public enum Initializer: String, Sendable, Hashable, CaseIterable {
    /// Normal with variance 2 / inputs (He et al., 2015).
    case heNormal = "he_normal"
    /// Uniform with that variance.
    case heUniform = "he_uniform"
    /// Uniform with variance 2 / (inputs + outputs) (Glorot and Bengio, 2010).
    case glorotUniform = "glorot_uniform"
    /// Repeats the input; where there are more outputs than inputs, the others are 0.
    case dirac
    /// As `dirac`, but the others are uniform with variance 1 / (3 · inputs).
    case partialDirac = "partial_dirac"
    /// Makes the patches of the training images uncorrelated and of variance 1 (the eigenvectors of their covariance, and their
    /// negatives); of a convolution that reads the images.
    case patchWhitening = "patch_whitening"
    /// All 0.
    case zeros
  }

  /// Zeros at an image's border.
  public enum Padding: Sendable, Hashable {
    /// None.
    case valid
    /// As many as give ⌈height / strides⌉ by ⌈width / strides⌉ results; an odd one comes after the image, as in Keras.
    case same
    /// So many on every side.
    case all(Int)
    /// So many on each side.
    case sides(top: Int, bottom: Int, left: Int, right: Int)
  }
}

extension Layer.Activation: ConfigurationWord {}
extension Layer.Initializer: ConfigurationWord {}

extension Layer.Padding: ConfigurationValue {
  var json: JSONValue {
    switch self {
    case .valid: .string("valid")
    case .same: .string("same")
    case .all(let count): .integer(count)
    case .sides(let top, let bottom, let left, let right): [top, bottom, left, right].json
    }
  }
}
