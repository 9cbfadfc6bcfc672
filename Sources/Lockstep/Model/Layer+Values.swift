extension Layer {
  /// Batch normalisation: every channel minus its mean, over √(variance + epsilon), times γ, plus β; the shape stays.
  ///
  /// Mean and variance are those of the whole batch, summed in one fixed tree over shards; evaluations use running ones.
  /// Its tensors, each [channels], are `weight` (γ), `bias` (β), `running_mean` and `running_var`.
  /// Source: S. Ioffe and C. Szegedy, "Batch Normalization", 2015.
  /// - Parameters:
  ///   - momentum: the share of the old running mean and variance after a step, as in Keras.
  ///   - epsilon: what is added to the variance.
  ///   - center: whether β is learned; else it is 0.
  ///   - scale: whether γ is learned; else it is 1.
  ///   - virtualBatchSize: examples that are normalised by themselves; `nil` for the whole batch.
  ///   - trainable: whether its parameters are trained; if not, it normalises by its running statistics.
  ///   - lrScale: what the learning rate of its parameters is multiplied by.
  ///   - name: what its tensors are called; `nil` for `batch_norm_<n>`.
  public static func batchNorm(
    momentum: Double = 0.9, epsilon: Double = 1e-5, center: Bool = true, scale: Bool = true,
    virtualBatchSize: Int? = nil, trainable: Bool = true, lrScale: Double = 1, name: String? = nil
  ) -> Layer {
    Layer(
      "batch_norm", name: name,
      [
        ("momentum", momentum), ("epsilon", epsilon), ("center", center), ("scale", scale),
        ("virtual_batch_size", virtualBatchSize), ("trainable", trainable), ("lr_scale", lrScale),
      ])
  }

  /// max(x, 0) of every value, or `maxValue` where that is less.
  public static func relu(maxValue: Double? = nil, name: String? = nil) -> Layer {
    Layer("relu", name: name, [("max_value", maxValue)])
  }

  /// x, and `negativeSlope`·x below 0, of every value.
  public static func leakyRelu(negativeSlope: Double = 0.01, name: String? = nil) -> Layer {
    Layer("leaky_relu", name: name, [("negative_slope", negativeSlope)])
  }

  /// x·Φ(x) of every value, with the normal distribution's Φ, exactly.
  public static func gelu(name: String? = nil) -> Layer { Layer("gelu", name: name) }

  /// x / (1 + e⁻ˣ) of every value.
  public static func silu(name: String? = nil) -> Layer { Layer("silu", name: name) }

  /// In training steps, sets a share of the values to 0 and divides the others by 1 − `rate`; else changes nothing.
  ///
  /// The draws follow from seed, step, example and place alone.
  public static func dropout(rate: Double, name: String? = nil) -> Layer {
    Layer("dropout", name: name, [("rate", rate)])
  }

  /// H×W×C as one row of H·W·C values, row-major over height, width and channel.
  public static func flatten(name: String? = nil) -> Layer { Layer("flatten", name: name) }

  /// Probabilities from n values: eˣ over the sum of all; with cross-entropy as the loss. The last layer of every model.
  public static func softmax(name: String? = nil) -> Layer { Layer("softmax", name: name) }

  /// activation(layers(x) + shortcut(x)), once or several times in a row.
  ///
  /// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2016.
  /// - Parameters:
  ///   - layers: 1 to 256 layers, none of them a block.
  ///   - shortcut: what is added to their output; with no layers, the block's input itself.
  ///   - activation: applied to the sum; `nil` for none.
  ///   - repeat: the number of such blocks in a row.
  ///   - name: what its tensors' names begin with; `nil` for `residual_<n>`.
  public static func residual(
    _ layers: [Layer], shortcut: [Layer] = [], activation: Activation? = nil, repeat: Int = 1, name: String? = nil
  ) -> Layer {
    Layer(
      "residual", name: name,
      [("layers", layers), ("shortcut", shortcut), ("activation", activation), ("repeat", `repeat`)])
  }
}
