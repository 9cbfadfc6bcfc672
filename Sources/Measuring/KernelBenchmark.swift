import Configuration
import Diagnostics
import KernelInterface
import Machine
import Network
import Training

/// The result of `bench kernels`: what one core can do, and how much of that each layer's passes reach.
package struct KernelBenchmarkSummary: Sendable, Hashable {
  package struct Row: Sendable, Hashable {
    package var layer: String
    /// What a configuration calls its type.
    package var type: String
    package var pass: LayerPass
    /// `direct`, `winograd`, `gemm` and the like, see `Layer.algorithm`.
    package var algorithm: String
    /// Direct-equivalent operations per second; 0 for layers without products.
    package var gigaflops: Double
    package var shareOfPeak: Double
    package var microsecondsPerImage: Double
    /// The fewest bytes a pass has to move per image: its maps, and the weights shared among the images.
    package var bytesPerImage: Double
    /// How long these bytes take at copy bandwidth, over the time that the pass took; above 1 if they stay in caches.
    package var shareOfCopy: Double
    /// `compute` or `memory`: whether operations at peak or bytes at copy bandwidth take longer.
    package var bound: String

    package init(
      layer: String, type: String, pass: LayerPass, algorithm: String, gigaflops: Double, shareOfPeak: Double,
      microsecondsPerImage: Double, bytesPerImage: Double, shareOfCopy: Double, bound: String
    ) {
      self.layer = layer
      self.type = type
      self.pass = pass
      self.algorithm = algorithm
      self.gigaflops = gigaflops
      self.shareOfPeak = shareOfPeak
      self.microsecondsPerImage = microsecondsPerImage
      self.bytesPerImage = bytesPerImage
      self.shareOfCopy = shareOfCopy
      self.bound = bound
    }
  }
  /// `avx512`, `avx2` or `portable`.
  package var kernels: String
  package var peakGigaflops: Double
  package var copyGigabytesPerSecond: Double
  package var images: Int
  package var rows: [Row]

  package init(
    kernels: String, peakGigaflops: Double, copyGigabytesPerSecond: Double, images: Int, rows: [Row]
  ) {
    self.kernels = kernels
    self.peakGigaflops = peakGigaflops
    self.copyGigabytesPerSecond = copyGigabytesPerSecond
    self.images = images
    self.rows = rows
  }

  /// The share of the passes of one type of layer in the time of all passes, which together are a step's compute.
  package func share(ofType type: String) -> Double {
    let all = rows.reduce(0) { $0 + $1.microsecondsPerImage }
    let own = rows.reduce(0) { $1.type == type ? $0 + $1.microsecondsPerImage : $0 }
    return all > 0 ? own / all : 0
  }
}

/// Measures one core: its multiply-add peak, its copy bandwidth, then every layer and pass of a configuration.
package enum KernelBenchmark {
  /// Runs on the first worker's CPU, about `secondsPerRow` for each number; the best of several runs counts for the peak
  /// and the copy, the median for the layers.
  package static func run(
    configuration: RunConfiguration, topology: Topology, kernels: KernelTable, secondsPerRow: Double = 0.25
  ) throws -> KernelBenchmarkSummary {
    var single = configuration
    single.runtime.workers = .count(1)
    single.training.batchSize = max(configuration.training.batchSize, configuration.runtime.shardSize)
    let plan = try RunPlan(
      single, topology: topology, kernels: kernels, exampleCount: single.training.batchSize)
    return try Session(plan, start: .random()).alone { try measure(plan, $0, seconds: secondsPerRow) }
  }

  private static func measure(_ plan: RunPlan, _ worker: borrowing Worker, seconds: Double) throws
    -> KernelBenchmarkSummary
  {
    let network = plan.network
    let examples = network.capacity.chunk
    let copyFloats = 8 << 20
    let memory = try NodeBuffer(byteCount: 2 * copyFloats * MemoryLayout<Float>.stride)
    let copy = memory.pointer.bindMemory(to: Float.self, capacity: 2 * copyFloats)
    let (w, gradient) = (worker.workspace, worker.gradient(slot: 0))
    let (inputs, sums) = (worker.inputs(epoch: 0), worker.meetingSums)
    network.fillForBenchmark(w, sums: sums, inputs)
    copy.update(repeating: 1, count: 2 * copyFloats)

    let scratch = copy
    let peak = best(seconds: seconds) { plan.kernels.peak(200_000, scratch) }
    let bandwidth = best(seconds: seconds) {
      (copy + copyFloats).update(from: copy, count: copyFloats)
      return Double(8 * copyFloats)
    }
    var rows: [KernelBenchmarkSummary.Row] = []
    for layer in network.workloads {
      for pass in layer.passes {
        network.refillForBenchmark(w, layer: layer.index)
        let nanoseconds = median(seconds: seconds) {
          network.run(pass, layer: layer.index, w, into: gradient, sums: sums, inputs)
        }
        let perImage = nanoseconds / Double(examples)
        let bytes = layer.bytesPerImage(pass) + layer.weightBytes / Double(examples)
        let gigaflops = layer.operationsPerImage / perImage
        rows.append(
          KernelBenchmarkSummary.Row(
            layer: layer.name, type: layer.type, pass: pass, algorithm: layer.algorithm, gigaflops: gigaflops,
            shareOfPeak: gigaflops / peak, microsecondsPerImage: perImage * 1e-3, bytesPerImage: bytes,
            shareOfCopy: bytes / bandwidth / perImage,
            bound: layer.operationsPerImage / peak > bytes / bandwidth ? "compute" : "memory"))
      }
    }
    return KernelBenchmarkSummary(
      kernels: plan.kernels.name, peakGigaflops: peak, copyGigabytesPerSecond: bandwidth, images: examples, rows: rows)
  }

  /// Most work per nanosecond of the thread's CPU time over repeated calls of `body`, which returns the work of one call.
  private static func best(seconds: Double, _ body: () -> Double) -> Double {
    var best = 0.0
    _ = body()
    var watch = Stopwatch()
    repeat {
      let start = threadNanoseconds()
      let work = body()
      best = max(best, work / Double(max(1, clockSpan(start, threadNanoseconds()))))
    } while Double(watch.look()) < seconds * 1e9
    return best
  }

  /// Median nanoseconds of the thread's CPU time in repeated calls of `body`.
  private static func median(seconds: Double, _ body: () -> Void) -> Double {
    body()
    var times: [Double] = []
    var watch = Stopwatch()
    repeat {
      let start = threadNanoseconds()
      body()
      times.append(Double(max(1, clockSpan(start, threadNanoseconds()))))
    } while Double(watch.look()) < seconds * 1e9 || times.count < 5
    times.sort()
    return times[times.count / 2]
  }
}
