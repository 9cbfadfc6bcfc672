import Diagnostics

extension ConfigurationReader {
  /// The digits net that is part of the program: model, data and training of `Config/digits.json`.
  package static func digits(overrides: [ConfigurationOverride] = []) throws(UserError) -> RunConfiguration {
    try read(text: digitsText, file: "digits", overrides: overrides)
  }

  private static let digitsText = """
    {
      name: "digits", seed: 1,
      model: {
        input: [8, 8, 1],
        layers: [
          { type: "conv2d", filters: 16, kernel_size: 3, padding: "same" }, { type: "relu" }, { type: "max_pool2d" },
          { type: "conv2d", filters: 32, kernel_size: 3, padding: "same" }, { type: "relu" }, { type: "max_pool2d" },
          { type: "flatten" }, { type: "dense", units: 64 }, { type: "relu" }, { type: "dense", units: 10 },
          { type: "softmax" },
        ],
      },
      data: { format: "digits", scale: 0.00392156862745098 },
      training: { epochs: 20, batch_size: 64, optimizer: { type: "sgd", lr: 0.05, momentum: 0.9 } },
    }
    """
}
