extension Layer {
  /// How a convolution is computed, which is part of the result, as the methods round differently.
  public enum Algorithm: String, Sendable, Hashable, CaseIterable {
    /// By the shapes alone.
    case auto
    /// The products of each window.
    case direct
    /// Fewer products in a transformed domain (Lavin and Gray, 2016).
    case winograd
  }

  /// A convolution: H×W×C to H′×W′×filters, each value a sum over a window and the channels of its group, plus a bias.
  ///
  /// Its tensors are `weight` [height, width, channels / groups, filters] and `bias` [filters].
  /// - Parameters:
  ///   - filters: channels of the output.
  ///   - kernelSize: height and width of the window.
  ///   - strides: pixels from one window to the next.
  ///   - padding: zeros at the border.
  ///   - groups: parts of the channels and of the filters, each part of the filters over its part of the channels.
  ///   - dilationRate: pixels from one tap of the window to the next.
  ///   - useBias: whether a bias is added.
  ///   - activation: a layer after this one; `nil` for none.
  ///   - initializer: how the weights start.
  ///   - algorithm: how it is computed.
  ///   - trainable: whether its parameters are trained.
  ///   - lrScale: what the learning rate of its parameters is multiplied by.
  ///   - name: what its tensors are called; `nil` for `conv2d_<n>`, n counted from 1.
  public static func conv2d(
    filters: Int, kernelSize: Extent, strides: Extent = 1, padding: Padding = .valid, groups: Int = 1,
    dilationRate: Extent = 1, useBias: Bool = true, activation: Activation? = nil,
    initializer: Initializer = .heNormal, algorithm: Algorithm = .auto, trainable: Bool = true, lrScale: Double = 1,
    name: String? = nil
  ) -> Layer {
    Layer(
      "conv2d", name: name,
      [
        ("filters", filters), ("kernel_size", kernelSize), ("strides", strides), ("padding", padding),
        ("groups", groups), ("dilation_rate", dilationRate), ("use_bias", useBias), ("activation", activation),
        ("initializer", initializer), ("algorithm", algorithm), ("trainable", trainable), ("lr_scale", lrScale),
      ])
  }

  /// A convolution of each channel by itself: H×W×C to H′×W′×(C · depthMultiplier).
  ///
  /// Its tensors are `weight` [height, width, 1, C · depthMultiplier] and `bias` [C · depthMultiplier].
  /// - Parameters:
  ///   - kernelSize: height and width of the window.
  ///   - strides: pixels from one window to the next.
  ///   - padding: zeros at the border.
  ///   - depthMultiplier: results per channel.
  ///   - useBias: whether a bias is added.
  ///   - activation: a layer after this one; `nil` for none.
  ///   - initializer: how the weights start.
  ///   - trainable: whether its parameters are trained.
  ///   - lrScale: what the learning rate of its parameters is multiplied by.
  ///   - name: what its tensors are called; `nil` for `depthwise_conv2d_<n>`.
  public static func depthwiseConv2d(
    kernelSize: Extent, strides: Extent = 1, padding: Padding = .valid, depthMultiplier: Int = 1,
    useBias: Bool = true, activation: Activation? = nil, initializer: Initializer = .heNormal, trainable: Bool = true,
    lrScale: Double = 1, name: String? = nil
  ) -> Layer {
    Layer(
      "depthwise_conv2d", name: name,
      [
        ("kernel_size", kernelSize), ("strides", strides), ("padding", padding),
        ("depth_multiplier", depthMultiplier), ("use_bias", useBias), ("activation", activation),
        ("initializer", initializer), ("trainable", trainable), ("lr_scale", lrScale),
      ])
  }

  /// A fully connected layer: n values to `units`, each a sum over all of them in their order, plus a bias.
  ///
  /// Its tensors are `weight` [units, n] and `bias` [units].
  /// - Parameters:
  ///   - units: outputs.
  ///   - useBias: whether a bias is added.
  ///   - activation: a layer after this one; `nil` for none.
  ///   - initializer: how the weights start.
  ///   - trainable: whether its parameters are trained.
  ///   - lrScale: what the learning rate of its parameters is multiplied by.
  ///   - name: what its tensors are called; `nil` for `dense_<n>`.
  public static func dense(
    units: Int, useBias: Bool = true, activation: Activation? = nil, initializer: Initializer = .heNormal,
    trainable: Bool = true, lrScale: Double = 1, name: String? = nil
  ) -> Layer {
    Layer(
      "dense", name: name,
      [
        ("units", units), ("use_bias", useBias), ("activation", activation), ("initializer", initializer),
        ("trainable", trainable), ("lr_scale", lrScale),
      ])
  }
}

extension Layer.Algorithm: ConfigurationWord {}
