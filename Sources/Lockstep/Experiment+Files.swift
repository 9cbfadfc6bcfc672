internal import Configuration
internal import Diagnostics
internal import Exchange
internal import Network
internal import Runs
internal import Storage
internal import Training

extension Experiment {
  /// The weights of the net in a safetensors file: of this library or the command line, or a checkpoint.
  ///
  /// - Throws: ``LockstepError``: `.inputMissing`; `.badData` for a file that is damaged, or that has other tensors than
  ///   the net, or values that are not finite.
  public func loadWeights(from file: String) throws(LockstepError) -> Weights {
    try translating {
      let found = try WeightsFile(file, for: try ParameterTable.of(run))
      try found.tensors.requireFinite(source: file)
      return Weights(found.tensors, classNames: found.classNames)
    }
  }

  /// What another program reads.
  public enum ExportFormat: Sendable, Hashable {
    /// A model for ONNX Runtime and the like: images [n, height, width, channels] in, probabilities [n, classes] out.
    ///
    /// The images' values are of the type `pixels` as in the data's files; scale, mean and std are in the model.
    /// With `foldsNorms`, norms are part of the layers before them where that is possible.
    case onnx(pixels: Pixels = .u8, foldsNorms: Bool = false)
    /// Weights as safetensors in PyTorch's names and orders.
    case pytorch
    /// Weights as safetensors in Keras's names and orders.
    case keras

    /// What an exported model's images are made of.
    public enum Pixels: String, Sendable, Hashable, CaseIterable {
      /// Bytes.
      case u8
      /// 32-bit floats.
      case f32
    }
  }

  /// Writes the net with its weights, or the weights, for another program; whole or not at all.
  ///
  /// - Throws: ``LockstepError``: `.usage` for a file that is there unless `overwrite` allows to replace it; `.badData` for
  ///   weights that are not those of the net; `.badConfiguration` for a layer that the format does not have;
  ///   `.cannotWrite`.
  public func export(
    _ weights: Weights, to file: String, format: ExportFormat = .onnx(), overwrite: Bool = false
  ) throws(LockstepError) {
    try translating {
      let tensors = try checked(weights)
      try requireFree(file, overwrite)
      switch format {
      case .onnx(let pixels, let foldsNorms):
        var export = ONNXExport(
          pixels: pixels == .u8 ? .u8 : .f32, foldsNorms: foldsNorms, producerVersion: ProgramVersion.current,
          metadata: [("weights_digest", weights.digest)])
        export.classNames = weights.classNames ?? classNames
        try export.model(try run(measuredOn: nil), weights: tensors).write(to: file)
      case .pytorch: try write(tensors, .pytorch, to: file)
      case .keras: try write(tensors, .keras, to: file)
      }
    }
  }

  private func write(_ tensors: [NamedTensor], _ format: WeightFormat, to file: String) throws {
    try WeightsExport.write(tensors, format, try ModelGraph(run.model), try ParameterTable.of(run), to: file)
  }
}
