import KernelInterface

/// Everything the passes read but the workspace: weights, what was prepared of them, and the kernels.
package struct PassInputs {
  package var weights: UnsafePointer<Float>
  package var prepared: UnsafePointer<Float>
  package var kernels: KernelTable
  /// Keeps the probabilities, and no masks for a backward pass; otherwise the gradient of the logits is kept.
  package var isInference: Bool
  /// The weights once more, of the one worker of a replica that brings running statistics up to date.
  package var statistics: UnsafeMutablePointer<Float>?
  /// What random decisions of training depend on, beside the example.
  package var seed: UInt64
  package var epoch: Int
  package var targets = Targets()

  /// What targets are beside the labels, in training passes; see `SoftmaxArguments`.
  package struct Targets {
    package var smoothing: Float = 0
    /// By image of a run.
    package var others: UnsafePointer<Int32>?
    package var shares: UnsafePointer<Float>?
  }

  package init(
    weights: UnsafePointer<Float>, prepared: UnsafePointer<Float>, kernels: KernelTable, isInference: Bool = false,
    statistics: UnsafeMutablePointer<Float>? = nil, seed: UInt64 = 0, epoch: Int = 0
  ) {
    self.weights = weights
    self.prepared = prepared
    self.kernels = kernels
    self.isInference = isInference
    self.statistics = statistics
    self.seed = seed
    self.epoch = epoch
  }
}

/// A pass as layers see it: one worker's memory and what all workers read.
package struct Pass {
  package let memory: Workspace
  package let weights: UnsafePointer<Float>
  package let prepared: UnsafePointer<Float>
  package let kernels: KernelTable
  package let isInference: Bool
  package let statistics: UnsafeMutablePointer<Float>?
  package let seed: UInt64
  package let epoch: Int
  package let targets: PassInputs.Targets
  /// Examples of the batch, or of the group, of which a `MeetingLayer` has the sums of all.
  package var batch = 0
  /// The number of that group in the worker's share.
  package var group = 0
  /// Whether the worker's first shard is the batch's.
  package var startsBatch = false

  init(_ memory: Workspace, _ inputs: borrowing PassInputs) {
    self.memory = memory
    weights = inputs.weights
    prepared = inputs.prepared
    kernels = inputs.kernels
    isInference = inputs.isInference
    statistics = inputs.statistics
    seed = inputs.seed
    epoch = inputs.epoch
    targets = inputs.targets
  }

  /// A training pass of a worker's share, of a network with meetings.
  init(_ memory: Workspace, _ inputs: borrowing PassInputs, _ share: WorkerShare) {
    self.init(memory, inputs)
    batch = share.batchExamples
    startsBatch = share.shards.lowerBound == 0 && !share.shards.isEmpty
  }

  /// The first image of a slice in the memory of a value.
  package func map(_ value: PlacedValue, _ slice: ImageSlice) -> UnsafeMutablePointer<Float> {
    requireHeld(slice, value.map)
    return memory.maps[value.mapIndex] + value.map.start(of: slice)
  }

  /// The first image of a slice in the gradient of a value.
  package func gradient(_ value: PlacedValue, _ slice: ImageSlice) -> UnsafeMutablePointer<Float> {
    requireHeld(slice, value.gradient)
    return memory.gradients[value.gradientIndex] + value.gradient.start(of: slice)
  }

  @inline(__always)
  private func requireHeld(_ slice: ImageSlice, _ map: MapLayout) {
    assert(
      map.holds(slice, images: memory.capacity.images(map.residence)),
      "Images \(slice.first)..<\(slice.first + slice.count) lie outside a map that keeps them for \(map.residence).")
  }

  /// The ReLU that masks the gradient of a value, and its output at the first image of a slice; `nil` where nothing is masked.
  package func mask(_ value: PlacedValue, _ slice: ImageSlice) -> (relu: FusedReLU, output: UnsafePointer<Float>)? {
    value.relu.map { ($0, UnsafePointer(map(value, slice))) }
  }

  /// A layer's sums over all shards, or over each group's: of its inputs, and of the gradient of its output.
  package func inputTotals(_ sums: Int) -> UnsafePointer<Double> { UnsafePointer(memory.inputTotals[sums]) }
  package func gradientTotals(_ sums: Int) -> UnsafePointer<Double> { UnsafePointer(memory.gradientTotals[sums]) }
}
