/// The commands, in the order `--help` shows them; the raw value is what is typed.
package enum Command: String, CaseIterable, Sendable {
  case train
  case evaluate
  case predict
  case kernels = "bench kernels"
  case throughput = "bench throughput"
  case scaling = "bench scaling"
  case allReduce = "bench allreduce"
  case tune
  case gradcheck
  case topology
  case config

  package var words: [String] { rawValue.split(separator: " ").map(String.init) }

  /// Whether it can run without a configuration.
  package var configurationIsOptional: Bool { [.topology, .kernels, .allReduce].contains(self) }

  package var summary: String {
    switch self {
    case .train: "train a network; writes the run directory"
    case .evaluate: "loss and accuracy of weights on the test set"
    case .predict: "class and probabilities per image, as JSON Lines"
    case .kernels: "one core's peak, and each layer's share of it"
    case .throughput: "images/s of full training steps on in-memory data"
    case .scaling: "the same over worker counts, and where time went"
    case .allReduce: "the all-reduce alone, against copying its bytes"
    case .tune: "finds the fastest workers and placement"
    case .gradcheck: "finite differences against every gradient, per layer"
    case .topology: "nodes, caches, usable CPUs and where workers go"
    case .config: "the configuration with every default filled in"
    }
  }

  /// The flags it takes, in the order its help shows them.
  package var flags: [Flag] {
    switch self {
    case .train: [.output, .weights, .resume, .strictPlacement] + Flag.overrides + [.json, .quiet, .noProgress]
    case .evaluate: [.weights] + Flag.overrides + [.json, .quiet, .noProgress]
    case .predict: [.weights, .images, .output] + Flag.overrides + [.json, .quiet, .noProgress]
    case .scaling: [.workerCounts, .predict, .output] + Flag.overrides + [.json, .quiet, .noProgress]
    case .allReduce: [.parameters] + Flag.overrides + [.json, .quiet, .noProgress]
    case .tune: [.write, .exhaustive] + Flag.overrides + [.json, .quiet, .noProgress]
    case .topology: [.topologyRoot] + Flag.overrides + [.json, .quiet, .noProgress]
    case .kernels, .throughput, .gradcheck, .config: Flag.overrides + [.json, .quiet, .noProgress]
    }
  }

  /// The flags it cannot do without.
  package var requiredFlags: [Flag] {
    switch self {
    case .evaluate: [.weights]
    case .predict: [.weights, .images]
    case .train, .kernels, .throughput, .scaling, .allReduce, .tune, .gradcheck, .topology, .config: []
    }
  }
}

/// The flags; the raw value is what is typed after `--`, where `-` and `_` are the same.
package enum Flag: String, CaseIterable, Sendable {
  case output
  case weights
  case images
  case resume
  case strictPlacement = "strict-placement"
  case workerCounts = "worker-counts"
  case predict
  case parameters
  case write
  case exhaustive
  case topologyRoot = "topology-root"
  case set
  case workers
  case epochs
  case batchSize = "batch-size"
  case lr
  case seed
  case json
  case quiet
  case noProgress = "no-progress"
  case version
  case help

  /// Flags that replace a value of the configuration.
  package static let overrides: [Flag] = [.set, .workers, .epochs, .batchSize, .lr, .seed]

  package var text: String { "--\(rawValue)" }

  /// What stands after it; `nil` where it takes no value.
  package func placeholder(for command: Command?) -> String? {
    switch self {
    case .output: command == .predict ? "FILE" : "DIR"
    case .weights, .images: "FILE"
    case .resume: "auto|never|FILE"
    case .workerCounts: "1,2,4"
    case .predict: "NODESxCORES|DIR"
    case .parameters: "N"
    case .write: "FILE"
    case .topologyRoot: "DIR"
    case .set: "key.path=VALUE"
    case .workers: "N|auto"
    case .epochs, .batchSize, .seed: "N"
    case .lr: "X"
    case .strictPlacement, .exhaustive, .json, .quiet, .noProgress, .version, .help: nil
    }
  }

  package func summary(for command: Command?) -> String {
    switch self {
    case .output where command == .scaling: "where table, JSON and chart go (runs/<name>)"
    case .output: command == .predict ? "write the lines there, not to stdout" : "the run directory (runs/<name>)"
    case .weights: command == .train ? "start from these weights" : "the weights, a safetensors file"
    case .images: "the images, an IDX file, plain or gzip"
    case .resume: "auto: continue an unfinished run in the run directory; or a checkpoint"
    case .strictPlacement: "exit with 71 where a thread or page is not where the plan says"
    case .workerCounts: "the worker counts to measure (1, 2, 4 … and whole nodes)"
    case .predict: "efficiency on such a machine, such as 8x16 or a copied /sys"
    case .parameters: "that size alone, not a range of sizes"
    case .write: "CONFIG with the runtime section found, all else kept"
    case .exhaustive: "try every combination, not the promising ones"
    case .topologyRoot: "another machine, whose /sys and /proc were copied to DIR"
    case .set: "any key of the configuration; repeatable"
    case .workers: "runtime.workers"
    case .epochs: "training.epochs"
    case .batchSize: "training.batch_size"
    case .lr: "training.optimizer.lr"
    case .seed: "seed"
    case .json: "machine-readable result as the last line on stdout"
    case .quiet: "no header, no progress"
    case .noProgress: "plain lines, no progress bar"
    case .version: "print the version"
    case .help: "print this, or with a command its flags"
    }
  }

  /// The key it replaces; `nil` for `--set` and for flags that are no configuration.
  package var keyPath: String? {
    switch self {
    case .workers: "runtime.workers"
    case .epochs: "training.epochs"
    case .batchSize: "training.batch_size"
    case .lr: "training.optimizer.lr"
    case .seed: "seed"
    case .workerCounts, .predict, .parameters, .write, .exhaustive, .topologyRoot: nil
    case .output, .weights, .images, .resume, .strictPlacement, .set, .json, .quiet, .noProgress, .version, .help: nil
    }
  }
}
