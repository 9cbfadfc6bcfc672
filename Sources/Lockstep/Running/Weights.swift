internal import Diagnostics
internal import Runs
internal import Storage

/// The parameters of a net: its tensors in the order of its layers, weight before bias.
public struct Weights: Sendable, Hashable {
  /// A named array of floats.
  public struct Tensor: Sendable, Hashable {
    /// `<layer>.weight` and the like.
    public var name: String
    /// Its lengths; see the functions of ``Layer`` for the order of the axes.
    public var shape: [Int]
    /// Its values, row-major over `shape`.
    public var values: [Float]

    /// A tensor; an ``Experiment`` checks name, shape and count when it takes the weights.
    public init(name: String, shape: [Int], values: [Float]) {
      (self.name, self.shape, self.values) = (name, shape, values)
    }
  }

  /// All tensors.
  public var tensors: [Tensor]
  /// What the classes of the training data are called, by their numbers; `nil` if they have no names.
  public var classNames: [String]?

  /// Weights of a program's own making.
  public init(_ tensors: [Tensor], classNames: [String]? = nil) {
    (self.tensors, self.classNames) = (tensors, classNames)
  }

  init(_ tensors: [NamedTensor], classNames: [String]?) {
    self.init(tensors.map { Tensor(name: $0.name, shape: $0.shape, values: $0.values) }, classNames: classNames)
  }

  /// `sha256:` and 64 hexadecimal digits over the tensors' little-endian bytes in their order.
  ///
  /// The same experiment gives the same digest on every machine, with any number of workers.
  public var digest: String { WeightsDigest.of(named) }

  /// Writes a safetensors file, whole or not at all.
  ///
  /// - Throws: ``LockstepError``: `.usage` for a file that is there unless `overwrite` allows to replace it; `.badData` for
  ///   a tensor whose values do not fill its shape; `.cannotWrite`.
  public func save(to file: String, overwrite: Bool = false) throws(LockstepError) {
    try translating {
      try requireWhole()
      try requireFree(file, overwrite)
      try WeightsFile.write(named, to: FilePlace(path: file), classNames: classNames)
    }
  }

  var named: [NamedTensor] {
    tensors.map { NamedTensor(name: $0.name, shape: $0.shape, values: $0.values) }
  }

  /// Refuses tensors whose values do not fill their shapes, as files cannot hold and layers not read them.
  func requireWhole() throws(UserError) {
    for tensor in tensors {
      let lengths = tensor.shape.map { Double($0) }
      guard lengths.allSatisfy({ $0 >= 0 }), lengths.reduce(1, *) == Double(tensor.values.count) else {
        throw UserError(
          .badData, "weights", "the tensor \(tensor.name) of shape \(tensor.shape) has \(tensor.values.count) values")
      }
    }
  }
}

/// Refuses a file that is there, unless it may be replaced.
func requireFree(_ file: String, _ overwrite: Bool) throws(UserError) {
  guard !overwrite, try FilePlace(path: file).exists() else { return }
  throw UserError(.usage, file, "is there already", hint: "overwrite: true replaces it")
}
