import Network

/// A run as the user configured it, with every default filled in and every value checked.
///
/// Sections follow the configuration file: model, data, training, runtime, checkpoint, ledger, logging. Only `runtime`
/// changes speed alone; of it, `shardSize` is part of the numerics.
package struct RunConfiguration: Hashable, Sendable {
  package var name: String
  package var seed: UInt64
  package var model: ModelSpecification
  package var data: DataConfiguration
  package var training: TrainingConfiguration
  package var runtime: RuntimeConfiguration
  package var checkpoint: CheckpointConfiguration
  package var ledger: LedgerConfiguration
  package var logging: LoggingConfiguration

  package init(
    name: String, seed: UInt64, model: ModelSpecification, data: DataConfiguration, training: TrainingConfiguration,
    runtime: RuntimeConfiguration, checkpoint: CheckpointConfiguration,
    ledger: LedgerConfiguration = LedgerConfiguration(), logging: LoggingConfiguration
  ) {
    self.name = name
    self.seed = seed
    self.model = model
    self.data = data
    self.training = training
    self.runtime = runtime
    self.checkpoint = checkpoint
    self.ledger = ledger
    self.logging = logging
  }
}

/// Where examples come from and how pixels become floats: `(pixel · scale − mean[c]) / std[c]`.
package struct DataConfiguration: Hashable, Sendable {
  package enum Source: Hashable, Sendable {
    /// The UCI digits that are part of the program.
    case embeddedDigits
    /// Absolute paths, here and below; the test pair may be missing.
    case idx(train: IDXPaths, test: IDXPaths?)
    case synthetic(examples: Int, testExamples: Int, classes: Int)
    /// Binary files, or the folder with all of them; without test files there is no test set.
    case cifar(CIFARVersion, train: [String], test: [String])
    case arrays(train: ArrayPlaces, test: ArrayPlaces?)
    case imageFolder(ImageFolders)
  }
  /// Folders of image files with a folder for each class.
  package struct ImageFolders: Hashable, Sendable {
    package enum DamagedFiles: String, Hashable, Sendable, CaseIterable {
      case fail
      case skip
    }
    package enum Crop: String, Hashable, Sendable, CaseIterable {
      case center
    }
    package struct Resize: Hashable, Sendable {
      package var shorterSide: Int

      package init(shorterSide: Int) { self.shorterSide = shorterSide }
    }
    package var train: String = ""
    package var test: String?
    /// The share of the training set's images that are the test set; 0: none.
    package var validationSplit = 0.0
    package var onError = DamagedFiles.fail
    package var resize: Resize?
    package var crop: Crop?
    /// Threads that read and decode files; `nil`: one per processor.
    package var readerThreads: Int?
    package init() {}
  }
  /// Where images are kept while a run reads them.
  package enum Cache: String, Hashable, Sendable, CaseIterable {
    /// In memory where they take at most half of what is available, else as `disk`.
    case auto
    case memory
    /// In a file that is mapped into memory: the data's own where it has the pixels as they are needed, else one beside the
    /// run's folder.
    case disk
  }
  package enum CIFARVersion: String, Hashable, Sendable {
    case cifar10
    case cifar100
  }
  /// Two arrays in an archive, or with no `file` in files of their own.
  package struct ArrayPlaces: Hashable, Sendable {
    package var file: String?
    /// Names in the archive, or absolute paths.
    package var images: String
    package var labels: String
    package init(file: String?, images: String, labels: String) {
      self.file = file
      self.images = images
      self.labels = labels
    }
  }
  package struct IDXPaths: Hashable, Sendable {
    package var images: String
    package var labels: String
    package init(images: String, labels: String) {
      self.images = images
      self.labels = labels
    }
  }
  package var source: Source
  package var scale: Double
  /// One value per channel.
  package var mean: [Double]
  /// One value per channel, none zero.
  package var std: [Double]
  package var augment = AugmentConfiguration()
  package var cache = Cache.auto
  /// Which of these three are to be measured on the training set; until then they have their defaults.
  package var measured: Measured = .none

  package struct Measured: Hashable, Sendable {
    package var scale = false
    package var mean = false
    package var std = false
    package static let none = Measured()
  }

  package init(source: Source, scale: Double, mean: [Double], std: [Double]) {
    self.source = source
    self.scale = scale
    self.mean = mean
    self.std = std
  }
}

/// The `runtime` section: speed only, but for `shardSize`.
package struct RuntimeConfiguration: Hashable, Sendable {
  package enum WorkerCount: Hashable, Sendable {
    case auto
    case count(Int)
  }
  package enum Policy: Hashable, Sendable {
    case close
    case scatter
    case none
    /// Explicit CPU numbers, a list such as `0-3,8`.
    case cpus(String)
  }
  package var workers: WorkerCount
  /// Examples per shard, the unit of work and of summation.
  package var shardSize: Int
  package var policy: Policy
  /// NUMA node numbers to use; `nil` means all.
  package var nodes: [Int]?
  package var useSMT: Bool
  package var memory: MemoryConfiguration
  /// Steps from one check of a shard by another worker to the next; 0 for none.
  package var auditEverySteps: Int
  package var mpi = MPIConfiguration()

  package init(
    workers: WorkerCount, shardSize: Int, policy: Policy, nodes: [Int]?, useSMT: Bool,
    memory: MemoryConfiguration = MemoryConfiguration(), auditEverySteps: Int = 0
  ) {
    self.workers = workers
    self.shardSize = shardSize
    self.policy = policy
    self.nodes = nodes
    self.useSMT = useSMT
    self.memory = memory
    self.auditEverySteps = auditEverySteps
  }
}

/// The `runtime.mpi` section: how a rank gets on with the others.
package struct MPIConfiguration: Hashable, Sendable {
  /// The longest that an exchange may take.
  package var timeoutSeconds = 300
  /// Whether ranks exchange what they can while they compute.
  package var overlap = true

  package init() {}
}

/// The `runtime.memory` section: where memory lies, never what is in it.
package struct MemoryConfiguration: Hashable, Sendable {
  package enum Dataset: String, Hashable, Sendable, CaseIterable {
    /// A copy on every node with workers where the copies take at most a quarter of the available memory, else interleaved.
    case auto
    /// Its pages on all nodes with workers in turn.
    case interleave
    /// A copy on every node with workers.
    case perNode = "per_node"
  }
  package var dataset: Dataset
  /// Whether large buffers ask the system for huge pages, or refuse them.
  package var hugePages: Bool

  package init(dataset: Dataset = .auto, hugePages: Bool = true) {
    self.dataset = dataset
    self.hugePages = hugePages
  }
}

/// The `checkpoint` section; 0 turns a rule off.
package struct CheckpointConfiguration: Hashable, Sendable {
  /// A checkpoint is due whenever one of these many epochs, steps or seconds have passed.
  package var everyEpochs: Int
  package var everySteps: Int
  package var everySeconds: Double
  /// How many of the newest checkpoints stay, at least 1.
  package var keepLast: Int
  /// How many of those with the best value of `monitor` stay besides; only checkpoints at the end of an epoch compete.
  package var keepBest: Int
  package var monitor = Metric.validationAccuracy

  package init(
    everyEpochs: Int = 1, everySteps: Int = 0, everySeconds: Double = 0, keepLast: Int = 2, keepBest: Int = 0
  ) {
    self.everyEpochs = everyEpochs
    self.everySteps = everySteps
    self.everySeconds = everySeconds
    self.keepLast = keepLast
    self.keepBest = keepBest
  }

  /// Whether any rule is on.
  package var isOn: Bool { everyEpochs > 0 || everySteps > 0 || everySeconds > 0 }
}

/// The `ledger` section.
package struct LedgerConfiguration: Hashable, Sendable {
  /// Steps from one digest of the weights to the next; 0 for no ledger.
  package var everySteps: Int

  package init(everySteps: Int = 10) { self.everySteps = everySteps }

  package var isOn: Bool { everySteps > 0 }
}

/// The `logging` section.
package struct LoggingConfiguration: Hashable, Sendable {
  package var everySteps: Int
  /// Whether a run ends with a page about it.
  package var report: Bool

  /// Whether the lines of `metrics.jsonl` are written in these forms, too.
  package var csv: Bool
  package var tensorboard: Bool

  package init(everySteps: Int, report: Bool = true, csv: Bool = false, tensorboard: Bool = false) {
    self.everySteps = everySteps
    self.report = report
    self.csv = csv
    self.tensorboard = tensorboard
  }
}
