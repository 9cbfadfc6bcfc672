/// The nets of the self-test, and the digests of numerics version 2; `lockstep selftest --json` prints what is found.
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

  static let digests: [String: String] = [
    "kernel tile sum": "sha256:626b1c2e1372b6af682653f4f0270bc7009c56e3dd7994b3cc930c01388a781e",
    "kernel lane sum": "sha256:b6db1d1290a20d910c1a5b4ed24a27b67738f82f663105e9072a50ec8142c85f",
    "kernel tile sum strided": "sha256:5a0527a60b6a8f53eac3ae73876b25e2fc1b1fc70c029195875d11a4407bdd66",
    "kernel lane sum strided": "sha256:343d53f2730490455042b769178f91fc5912c831d3a143fda889b337eee7dbe2",
    "kernel bias gradient": "sha256:fd1d2bee0bc76b6611d05c54089c62979cea496ef422d6630a8e051591e8857c",
    "kernel norm sums": "sha256:3e9779bd473d7e248785b3c935cdcde4f1ee47d0fd18986149368671f990c8bb",
    "kernel softmax": "sha256:a7607095289cc6f6a3056e745e2d4e1d55bcae1f0e370e56c9c16b4123ad0782",
    "kernel softmax mixed": "sha256:81a2aaee257e95d03363f9ca727618d30a760c01ffa899accc30afd72829c8bb",
    "kernel relu": "sha256:a579989331289116625978c6a6cf7b7b00c9b416f6c38ce498d4d7cb40fa78e9",
    "kernel relu with a maximum": "sha256:6894500d749b2975b931dad338d8e40414957bd69b07cfe235be36f6864cdac2",
    "kernel leaky relu": "sha256:af6009ad42ad1610500a9235c2b53aa78a7795756f9ebb4de49751eaad0183e2",
    "kernel gelu": "sha256:49265c398ef6926b2fe9717506c84fb17c641169e3d522c62afb04b190b73dd6",
    "kernel silu": "sha256:b111bd517ee7043faf645e710a748d53798efdd8fa4d228e6903809bfc1ae8ce",
    "kernel dropout": "sha256:a6a3415dc6f94794d6392db8ffcbd5d56bed252bd9f19d6427982dba5d50e473",
    "kernel add": "sha256:ee8a8f297bec76933f9b09d5dc35f595f0dc66c4027de6dcd494e87e3540ed7a",
    "kernel norm": "sha256:6802db6c2b1fc19537a289faf78967593560377d12388ba3cf4740e722fe69a7",
    "kernel pool max, all ties": "sha256:5eda60e742c6db6379db38b349fe504f105f761c6f027ba55daac4e9641dd46a",
    "kernel pool max, first": "sha256:361de0a46e43f8c67c891e68bf531b9b25d847850e64b2465a5c58c8c1c6364b",
    "kernel pool average": "sha256:81045642cfddc0e126f879e3616f8f2a1646e6acca7514020f627e5a42a928c7",
    "kernel window pool max, all ties": "sha256:4162bc6fdc0957a7862ddbcc5d6b42dad60cffba8afdf6eb05e6a213db3a42cb",
    "kernel window pool max, first": "sha256:9a18ca798f26f541c7fb76a071ae2e55efd33b7b23501b5206d625c4abaf66a5",
    "kernel window pool average": "sha256:bf4f44bcab69b6eeaf525dea17e13de19ec15dddb11e6f494c61574251261fc8",
    "kernel equal windows": "sha256:2c23635559cd3dddd1b2c43f8777a1633d438a119ab57071b58e59f0a5025c6a",
    "kernel transpose": "sha256:f5b07b66a47c7c0aacbd42bd26b8a5daf4f1cc5615f3c5cbafd1daafcbdeced4",
    "kernel winograd maps 3": "sha256:b624be726608e5a9e01aa7d22e075db52a118db017cfbec9b1d5a68fdbb8a9f2",
    "kernel winograd maps 5": "sha256:78643b1eb3419d136cec0e6d324fd63485824f1775bda3c95e672d33f0076187",
    "kernel winograd kernels 3": "sha256:877d9ff828b88f6b720fae82fa10660a031c5ce13e624e1aa890eb76d1b1e2f7",
    "kernel winograd kernels 5": "sha256:7c07d71312ac8f1b21e0479fb438e69cd9a311b3cf6b4c240120071567c71fca",
    "kernel sgd": "sha256:46735f08c243e728e3d53ca710023ab8b9310d200a1f76ad469ea0472edaf83a",
    "kernel adam": "sha256:c4a3b363868b10226cb783c8054535a5e5b955ed303a00ccf153e463f73c8c4f",
    "kernel rmsprop": "sha256:d4f98313148911d8066554f8d8289fb2a78c238a8e90a063abd92e68e6fad988",
    "kernel blend": "sha256:ee9ba07d7e2e7df850d130ac5b156d4e69d506aca52100b0091bbaecbb4a08ad",
    "kernel squares": "sha256:31850d5a8c6a6dda8f68df4bcb90a139ed3f9d08691983b0d5bee825373c9bdc",
    "kernel hash": "sha256:11d21c0a82546a46bfb9f7a56614982a1086b8c7c12b953a3b515772cddfdabd",
    "layer conv2d direct": "sha256:cfea2dfc95aa84193093644bbf54e8380b79b7d9faabc0b4272676328c8a84b7",
    "layer conv2d winograd 3": "sha256:71c65059a781041a623de5258dcb044b0b39e0ee76d41b72b77170040f284a11",
    "layer conv2d winograd 5": "sha256:33acf733f1006019de0446838ee0a649fc204ef3192163d946f9f3fe339428bd",
    "layer conv2d strides, dilation": "sha256:6fec507427daedf51531edf98a1d1f7ed5ae66a97e24870b3e9929edc0022875",
    "layer conv2d groups": "sha256:79bcfbfbf5c37a45b36bd579c412d5196cd533d6ea80922b466171e6c95c2542",
    "layer depthwise_conv2d": "sha256:284077b334e8b61e0ca0f0a0a6e6102f11e86fb453e98e97934edbb681a4ac8d",
    "layer max_pool2d all": "sha256:4a2daaf1694d1b37275f9c801d4a746f2cc6a3ef3444d733e557f126fde9f7eb",
    "layer max_pool2d window": "sha256:941180a57ab274b15cea678525109af2f4a9c138fac819b131cf355d1d5f9d91",
    "layer avg_pool2d": "sha256:20382c4c4b859e45253488a0d09f601e641bd0d44832d1a792f7895dc67c8a26",
    "layer global_avg_pool2d": "sha256:daaaca16084ccbfca6ca734fcb361c459ad14108cd8a2fdbcbfb11f56725d969",
    "layer batch_norm": "sha256:1d307a62a06ff4b3704f7231a280abe112fae6dcc1fbc0203e5d022bd1bdaf93",
    "layer gelu, silu": "sha256:d2cafa3e1531bd36af73be336302047fe63ceb9047de86087843443f21fe14a7",
    "layer dropout": "sha256:5a107b80472040724bf28412587630682155c146eef09f920465413a41d39d4c",
    "layer leaky_relu": "sha256:9c1c6d3056f9033cab0e24a76a1c2f1fa2bacb27c570ebb0aa8055beeccb0ad6",
    "layer residual": "sha256:0b047497c8b237ecec683f70d16c649c304ce7a725e68eac8cc778e88a439efc",
    "training digits": "sha256:aa70f2c416b484344d635a27593dafc3c62d5117d8c9e2336243e04fb852badd",
    "training lenet": "sha256:3ac663c6e566fce7b44f10166bb951c40c97581cd998c6f1b8ed73dd975783ff",
    "training norms, dropout, augmentation, adamw":
      "sha256:e4488b87ab9993bb257dc8912e9ed0af7f0d322493484190a0b446626e6f3c8c",
    "training resnet20": "sha256:37966b504fe63179655b312c748f11cc28b7017266b393b66b55455d7b783af8",
  ]
}
