extension Layer {
  /// Which pixels of a window receive the gradient of its maximum.
  public enum Ties: String, Sendable, Hashable, CaseIterable {
    /// All that are close to it.
    case all
    /// The first that equals it, as in PyTorch and Keras.
    case first
  }

  /// The largest value of each window: H×W×C to H′×W′×C.
  /// - Parameters:
  ///   - poolSize: height and width of a window.
  ///   - strides: pixels from one window to the next; `nil` for `poolSize`.
  ///   - padding: rows and columns around the image, which take no part in a maximum.
  ///   - ties: which pixels receive the gradient.
  ///   - name: what messages call it; `nil` for `max_pool2d_<n>`.
  public static func maxPool2d(
    poolSize: Extent = 2, strides: Extent? = nil, padding: Padding = .valid, ties: Ties = .all, name: String? = nil
  ) -> Layer {
    Layer(
      "max_pool2d", name: name,
      [("pool_size", poolSize), ("strides", strides), ("padding", padding), ("ties", ties)])
  }

  /// The mean of each window: H×W×C to H′×W′×C.
  /// - Parameters:
  ///   - poolSize: height and width of a window.
  ///   - strides: pixels from one window to the next; `nil` for `poolSize`.
  ///   - padding: rows and columns around the image, which take no part in a mean.
  ///   - name: what messages call it; `nil` for `avg_pool2d_<n>`.
  public static func avgPool2d(
    poolSize: Extent = 2, strides: Extent? = nil, padding: Padding = .valid, name: String? = nil
  ) -> Layer {
    Layer("avg_pool2d", name: name, [("pool_size", poolSize), ("strides", strides), ("padding", padding)])
  }

  /// The mean of each channel over the whole image: H×W×C to C values.
  public static func globalAvgPool2d(name: String? = nil) -> Layer { Layer("global_avg_pool2d", name: name) }
}

extension Layer.Ties: ConfigurationWord {}
