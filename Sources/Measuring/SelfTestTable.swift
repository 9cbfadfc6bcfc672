/// The nets of the self-test.
enum SelfTestTable {
  /// The layers between images of 12×12×3 and 5 classes, by name.
  static let layers: [(name: String, layers: String)] = [
    ("layer conv2d direct", "{ type: 'conv2d', filters: 7, kernel_size: 3, padding: 'same', algorithm: 'direct' }"),
    (
      "layer conv2d winograd 3",
      "{ type: 'conv2d', filters: 32, kernel_size: 1 }, "
        + "{ type: 'conv2d', filters: 33, kernel_size: 3, padding: 'same', algorithm: 'winograd' }"
    ),
    (
      "layer conv2d winograd 5",
      "{ type: 'conv2d', filters: 32, kernel_size: 1 }, "
        + "{ type: 'conv2d', filters: 33, kernel_size: 5, padding: 'same', algorithm: 'winograd' }"
    ),
    (
      "layer conv2d strides, dilation",
      "{ type: 'conv2d', filters: 8, kernel_size: 3, padding: 'same', dilation_rate: 2 }, "
        + "{ type: 'conv2d', filters: 9, kernel_size: 3, strides: 2, padding: 1 }"
    ),
    (
      "layer conv2d groups",
      "{ type: 'conv2d', filters: 8, kernel_size: 1 }, { type: 'conv2d', filters: 12, kernel_size: 3, groups: 4 }"
    ),
    ("layer depthwise_conv2d", "{ type: 'depthwise_conv2d', kernel_size: 3, strides: 2, depth_multiplier: 2 }"),
    ("layer max_pool2d all", "{ type: 'conv2d', filters: 6, kernel_size: 3 }, { type: 'max_pool2d' }"),
    (
      "layer max_pool2d window",
      "{ type: 'conv2d', filters: 6, kernel_size: 3 }, "
        + "{ type: 'max_pool2d', pool_size: 3, strides: 2, padding: 'same', ties: 'first' }"
    ),
    (
      "layer avg_pool2d",
      "{ type: 'conv2d', filters: 6, kernel_size: 3 }, { type: 'relu' }, { type: 'avg_pool2d' }, "
        + "{ type: 'avg_pool2d', pool_size: 3, strides: 1, padding: 'same' }"
    ),
    ("layer global_avg_pool2d", "{ type: 'conv2d', filters: 6, kernel_size: 3 }, { type: 'global_avg_pool2d' }"),
    ("layer batch_norm", "{ type: 'conv2d', filters: 6, kernel_size: 3 }, { type: 'batch_norm' }, { type: 'relu' }"),
    ("layer gelu, silu", "{ type: 'conv2d', filters: 6, kernel_size: 3 }, { type: 'gelu' }, { type: 'silu' }"),
    ("layer dropout", "{ type: 'conv2d', filters: 6, kernel_size: 3 }, { type: 'dropout', rate: 0.3 }"),
    ("layer leaky_relu", "{ type: 'conv2d', filters: 6, kernel_size: 3 }, { type: 'leaky_relu' }"),
    (
      "layer residual",
      "{ type: 'residual', activation: 'relu', layers: [{ type: 'conv2d', filters: 6, kernel_size: 3, padding: 'same' }, "
        + "{ type: 'relu' }, { type: 'conv2d', filters: 6, kernel_size: 3, padding: 'same' }], "
        + "shortcut: [{ type: 'conv2d', filters: 6, kernel_size: 1 }] }"
    ),
  ]

  /// A run of three steps, the last of them ragged, in shards of 4 examples.
  static func configuration(layers: String) -> String {
    let flat = layers.contains("global") ? "" : ", { type: 'flatten' }"
    return """
      { name: 'selftest', model: { input: [12, 12, 3], layers: [\(layers)\(flat),
          { type: 'dense', units: 9 }, { type: 'relu' }, { type: 'dense', units: 5 }, { type: 'softmax' }] },
        data: { format: 'synthetic', examples: 26, test_examples: 0, classes: 5 },
        training: { epochs: 1, batch_size: 10 }, runtime: { shard_size: 4 }, checkpoint: { every_epochs: 0 } }
      """
  }

  static let trainings: [(name: String, text: String)] = [
    (
      "training digits",
      """
      { name: 'selftest', model: { input: [8, 8, 1], layers: [
          { type: 'conv2d', filters: 16, kernel_size: 3, padding: 'same' }, { type: 'relu' }, { type: 'max_pool2d' },
          { type: 'flatten' }, { type: 'dense', units: 10 }, { type: 'softmax' }] },
        data: { format: 'digits' }, training: { epochs: 1, batch_size: 128 }, checkpoint: { every_epochs: 0 } }
      """
    ),
    (
      "training lenet",
      """
      { name: 'selftest', model: { preset: 'lenet', input: [12, 12, 1], classes: 10 },
        data: { format: 'synthetic', examples: 80, test_examples: 0, classes: 10 },
        training: { epochs: 1, batch_size: 32 }, checkpoint: { every_epochs: 0 } }
      """
    ),
    (
      "training norms, dropout, augmentation, adamw",
      """
      { name: 'selftest', model: { input: [8, 8, 3], layers: [
          { type: 'conv2d', filters: 16, kernel_size: 3, padding: 'same', use_bias: false }, { type: 'batch_norm' },
          { type: 'relu' },
          { type: 'residual', activation: 'relu', layers: [
            { type: 'conv2d', filters: 24, kernel_size: 3, strides: 2, padding: 'same', use_bias: false },
            { type: 'batch_norm' }, { type: 'relu' }, { type: 'depthwise_conv2d', kernel_size: 3, padding: 'same' },
            { type: 'batch_norm' }],
            shortcut: [{ type: 'conv2d', filters: 24, kernel_size: 1, strides: 2 }, { type: 'batch_norm' }] },
          { type: 'global_avg_pool2d' }, { type: 'dropout', rate: 0.3 }, { type: 'dense', units: 5 }, { type: 'softmax' }] },
        data: { format: 'synthetic', examples: 40, test_examples: 0, classes: 5,
          augment: { horizontal_flip: 0.5, random_crop: { padding: 2 }, mixup: 0.2 } },
        training: { epochs: 2, batch_size: 16, clip_norm: 1, label_smoothing: 0.1, ema: { decay: 0.9 },
          optimizer: { type: 'adamw', lr: 0.01 } },
        runtime: { shard_size: 4 }, checkpoint: { every_epochs: 0 } }
      """
    ),
    (
      "training resnet20",
      """
      { name: 'selftest', model: { preset: 'resnet20', input: [8, 8, 3], classes: 10 },
        data: { format: 'synthetic', examples: 24, test_examples: 0, classes: 10 },
        training: { epochs: 1, batch_size: 8 }, runtime: { shard_size: 2 }, checkpoint: { every_epochs: 0 } }
      """
    ),
  ]
}
