import ConfigurationKeys

/// How a layer's weights start; biases start at 0.
///
/// Fan-in is the number of terms that are summed into an output, fan-out that of the outputs into which an input goes, for a
/// grouped convolution as if it had no groups.
package enum Initializer: String, Hashable, Sendable, CaseIterable {
  /// Normal with standard deviation √(2 / fan-in) (He et al. 2015).
  case heNormal = "he_normal"
  /// Uniform between ±√(6 / fan-in).
  case heUniform = "he_uniform"
  /// Uniform between ±√(6 / (fan-in + fan-out)) (Glorot and Bengio 2010).
  case glorotUniform = "glorot_uniform"
  /// 1 where output k reads the middle pixel of channel k, in each group; else 0, so that outputs repeat their inputs.
  case dirac
  /// The first outputs as of `dirac`, and those that would be 0 uniform between ±1/√fan-in, PyTorch's default.
  case partialDirac = "partial_dirac"
  /// Filters that make the patches of the training set's images uncorrelated and of variance 1, see `PatchWhitening`.
  case patchWhitening = "patch_whitening"
  case zeros

  /// Those of layers that need not read the images.
  static let anywhere = allCases.filter { $0 != .patchWhitening }

  /// - Parameters:
  ///   - middle: the kernel's middle position.
  ///   - groups: those of a grouped convolution.
  func initialValue(middle: Int = 0, groups: Int = 1) -> InitialValue {
    switch self {
    case .heNormal: .heNormal
    case .heUniform: .heUniform
    case .glorotUniform: .glorotUniform
    case .dirac: .dirac(middle: middle, groups: groups)
    case .partialDirac: .dirac(middle: middle, groups: groups, drawsOthers: true)
    case .patchWhitening: .patchWhitening
    case .zeros: .constant(0)
    }
  }

  static let key = key(anywhere)

  /// The key of a layer that may start as any of these.
  static func key(_ allowed: [Initializer]) -> ConfigurationKey {
    ConfigurationKey(
      "initializer", .choice(allowed.map(\.rawValue)), default: .string(Initializer.heNormal.rawValue),
      "How the weights start: normal or uniform as He, uniform as Glorot, repeating the input, all or in part, "
        + (allowed.contains(.patchWhitening) ? "whitening the images, of a layer that reads them, " : "")
        + "or 0; biases start at 0.")
  }

  init(_ values: KeyValues) { self = values.choice(Self.key.name) }

  /// For a layer's summary: nothing for the default.
  var suffix: String { self == .heNormal ? "" : ", \(rawValue)" }
}
