/// A worker that waits for others, and the share of its time that it does.
package struct WaitingWorker: Sendable, Hashable {
  package var worker: Int
  package var share: Double

  package init(worker: Int, share: Double) {
    self.worker = worker
    self.share = share
  }
}

/// Which worker waits most for the others, by looks at all of them from time to time: it costs the workers nothing.
struct WaitSampler {
  /// A look counts as much as the mean of this many before it, so what was a few seconds ago is forgotten.
  private static let memory = 250.0
  /// Fewer looks say too little.
  private static let fewest = 25

  private let beats: WorkerBeats
  private var shares: [Double]
  private var looks = 0

  init(_ beats: WorkerBeats) {
    self.beats = beats
    shares = [Double](repeating: 0, count: beats.count)
  }

  mutating func look() {
    looks += 1
    let weight = 1 / min(Double(looks), Self.memory)
    for worker in shares.indices {
      let isWaiting = !WorkerBeats.phase(beats.word(worker)).isWork
      shares[worker] += weight * ((isWaiting ? 1 : 0) - shares[worker])
    }
  }

  /// `nil` for one worker, and until there have been enough looks.
  var most: WaitingWorker? {
    guard shares.count > 1, looks >= Self.fewest, let worker = shares.indices.max(by: { shares[$0] < shares[$1] })
    else { return nil }
    return WaitingWorker(worker: worker, share: shares[worker])
  }
}
