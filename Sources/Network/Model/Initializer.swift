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
  case zeros

  /// - Parameters:
  ///   - middle: the kernel's middle position.
  ///   - groups: those of a grouped convolution.
  func initialValue(middle: Int = 0, groups: Int = 1) -> InitialValue {
    switch self {
    case .heNormal: .heNormal
    case .heUniform: .heUniform
    case .glorotUniform: .glorotUniform
    case .dirac: .dirac(middle: middle, groups: groups)
    case .zeros: .constant(0)
    }
  }

  static let key = ConfigurationKey(
    "initializer", .choice(of: Initializer.self), default: .string(Initializer.heNormal.rawValue),
    "How the weights start: normal or uniform as He, uniform as Glorot, repeating the input, or 0; biases start at 0.")

  init(_ values: KeyValues) { self = values.choice(Self.key.name) }

  /// For a layer's summary: nothing for the default.
  var suffix: String { self == .heNormal ? "" : ", \(rawValue)" }
}
