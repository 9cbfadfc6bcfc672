// Trains a small net once for each argument after the second, for so many epochs, and prints how many times workers
// allocated memory in each run: `<steps> <allocations>` in a line. The first argument is the number of memory nodes that
// the run is planned for, which need not be there; the second is the net, see `nets`: `recipe` and `mapped` are
// others with all that a recipe adds, and with images in a file that is mapped into memory. `ranks` is `recipe` over two
// ranks of one process, whose couriers count as workers; `overlap` is over ranks, too, and has a dense layer that they exchange
// while they compute.

import Collectives
import Configuration
import Datasets
import Dispatch
import Glibc
import KernelBuilds
import Machine
import Network
import Storage
import Training

/// A machine of `nodes` nodes with one core each, of which three workers fill as many as there are.
func machine(nodes: Int) -> Topology {
  Topology(
    nodes: (0..<nodes).map {
      Topology.Node(id: $0, cpus: [$0], memoryBytes: 1 << 30, distances: [Int](repeating: 10, count: nodes))
    },
    cores: (0..<nodes).map { Topology.Core(cpus: [$0], node: $0, package: 0, lastLevelCache: 0) },
    lastLevelCaches: [CPUSet(0..<nodes)], caches: [],
    usable: Topology.UsableCPUs(cpus: CPUSet(0..<nodes), quota: nil, reasons: []))
}

/// One layer after the other, without meetings of the workers.
func plain() -> [ModelEntry] {
  let kinds: [LayerKind] = [
    .conv2d(filters: 4, kernelSize: 3, padding: .same, algorithm: .direct), .relu, .maxPool2d(ties: .all),
    LayerKind(MaxPool2D(Window(Extent(3), padding: .same), ties: .all)),
    LayerKind(DepthwiseConv2D(Window(Extent(3), padding: .same), usesBias: false)),
    LayerKind(Conv2D(filters: 12, Window(Extent(3), padding: .same), groups: 2)),
    LayerKind(
      Conv2D(filters: 24, Window(Extent(1, 2), strides: Extent(2, 1), padding: .sides(Halo(top: 3, right: 1))))),
    .conv2d(filters: 20, kernelSize: 3, padding: .same, algorithm: .winograd), .relu, .averagePool2d,
    LayerKind(GlobalAveragePool2D()), .dense(units: 10), .softmax,
  ]
  return named(kinds).map { .layer($0) }
}

/// Most weights are a dense layer's.
let wide: [LayerKind] = [
  .conv2d(filters: 16, kernelSize: 3, padding: .same, algorithm: .direct), .relu, .flatten, .dense(units: 64), .relu,
  .dense(units: 10), .softmax,
]

/// Norms over the whole batch, some on request over groups, after convolutions and a dense layer, residual blocks, dropout
/// and smooth activations.
func norms(inGroups: Bool = false) -> [ModelEntry] {
  func convolution(_ filters: Int, _ size: Int, strides: Int = 1) -> LayerKind {
    LayerKind(Conv2D(filters: filters, Window(Extent(size), strides: Extent(strides), padding: .same), usesBias: false))
  }
  let start = named([
    convolution(20, 3), .batchNorm, LayerKind(LeakyReLU(slope: 0.1)), .dropout(rate: 0.1), LayerKind(GELU()),
    LayerKind(SiLU()), .relu6,
  ])
  let end = named(
    [
      LayerKind(GlobalAveragePool2D()), .dense(units: 12), LayerKind(BatchNorm(groupExamples: inGroups ? 6 : nil)),
      .relu,
      .dropout(rate: 0.5), .dense(units: 10), .softmax,
    ],
    "end")
  let blocks = [
    ResidualBlock(
      name: "identity", layers: named([convolution(20, 3), .batchNorm, .relu, convolution(20, 3), .batchNorm]),
      activation: .relu, times: 2),
    ResidualBlock(
      name: "projection",
      layers: named([
        convolution(33, 3, strides: 2), LayerKind(BatchNorm(scale: false, groupExamples: inGroups ? 2 : nil)),
      ]),
      shortcut: named([convolution(33, 1, strides: 2), LayerKind(BatchNorm(center: false))])),
  ]
  return start.map { .layer($0) } + blocks.map { .residual($0) } + end.map { .layer($0) }
}

func named(_ kinds: [LayerKind], _ stem: String = "layer") -> [LayerSpecification] {
  kinds.enumerated().map { LayerSpecification(name: "\(stem)_\($0.offset)", kind: $0.element) }
}

/// With everything that a recipe adds to a step and an evaluation.
func recipe(_ entries: [ModelEntry], epochs: Int) -> RunConfiguration {
  var run = configuration(entries, epochs: epochs)
  run.training.optimizer = OptimizerConfiguration(.lars, learningRate: 0.01, momentum: 0.9, normWeightDecay: 0)
  run.training.learningRateSchedule = LearningRateSchedule(.cosine)
  run.training.clipNorm = 1
  run.training.labelSmoothing = 0.1
  run.training.weightAverage = .init()
  run.training.earlyStopping = .init(patience: 1 << 30)
  run.training.testTimeAugmentation = .flip
  run.data.augment.flip = 0.5
  run.data.augment.resizedCrop = .init()
  run.data.augment.jitter = .init()
  run.data.augment.erasing = 0.5
  run.data.augment.mixup = 0.5
  run.data.augment.cutmix = 1
  return run
}

func configuration(_ entries: [ModelEntry], epochs: Int) -> RunConfiguration {
  RunConfiguration(
    name: "probe", seed: 1,
    model: ModelSpecification(input: ImageShape(height: 8, width: 8, channels: 1), entries: entries),
    data: DataConfiguration(source: .embeddedDigits, scale: 1.0 / 255, mean: [0], std: [1]),
    training: TrainingConfiguration(
      epochs: epochs, batchSize: 9, shuffle: true,
      optimizer: OptimizerConfiguration(learningRate: 0.01, momentum: 0.9, nesterov: false, weightDecay: 0),
      learningRateSchedule: .constant),
    // Shards of 2 in 5 and 1 parts: worker runs of several tree nodes, and workers without work.
    // Every other step has an audit, which norms over groups exclude, and every epoch's last one a digest of the weights.
    runtime: RuntimeConfiguration(
      workers: .count(3), shardSize: 2, policy: .close, nodes: nil, useSMT: false, auditEverySteps: isInGroups ? 0 : 2),
    checkpoint: CheckpointConfiguration(everyEpochs: 1, keepLast: 1),
    logging: LoggingConfiguration(everySteps: 1 << 40))
}

func data(_ examples: Int, _ split: ImageDataset.Split) throws -> ImageDataset {
  try ImageDataset.synthetic(
    examples: examples, height: 8, width: 8, channels: 1, classes: 10, seed: 1, split: split)
}

/// The same images in files, decoded into one that is mapped into memory.
func mapped(_ data: ImageDataset) throws -> ImageDataset {
  var pattern = Array("/tmp/lockstep-probe-XXXXXX".utf8CString)
  guard mkdtemp(&pattern) != nil else { fatalError("There is no folder for temporary files.") }
  let folder = String(decoding: pattern.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  let pixels = data.height * data.width * data.channels
  var files: [String] = []
  for index in 0..<data.count {
    let name = "\(folder)/\(data.labels[index])"
    mkdir(name, 0o777)
    files.append("\(name)/\(index).png")
    try PNGFile.write(
      Array(data.pixels[index * pixels..<(index + 1) * pixels]), height: data.height, width: data.width,
      channels: data.channels, to: FilePlace(path: files[index]))
  }
  let copy = try ImageDataset.folder(
    ImageFolder(path: folder), fit: ImageFit(height: data.height, width: data.width, channels: data.channels),
    damaged: .fail, place: .file(folder: folder))
  guard let cache = copy.mapped?.file else { fatalError("The images are not in a file.") }
  for file in files + [cache] { unlink(file) }
  for label in 0..<data.classCount { rmdir("\(folder)/\(label)") }
  rmdir(folder)
  return copy
}

startCounting()
guard let nodes = CommandLine.arguments.dropFirst().first.flatMap({ Int($0) }), nodes > 0 else {
  fatalError("The first argument is not a number of nodes.")
}
let nets = [
  "plain": plain(), "norms": norms(), "groups": norms(inGroups: true), "recipe": norms(inGroups: true),
  "mapped": plain(), "ranks": norms(inGroups: true), "overlap": named(wide).map { .layer($0) },
]
guard let name = CommandLine.arguments.dropFirst(2).first, let entries = nets[name] else {
  fatalError("The second argument is not a net: plain, norms, groups, recipe, mapped, ranks or overlap.")
}
let hasRanks = name == "ranks" || name == "overlap"
let isRecipe = name == "recipe" || name == "ranks"
let isInGroups = isRecipe || name == "groups"
let topology = machine(nodes: nodes)
let isMapped = name == "mapped"
let training = isMapped ? try mapped(try data(20, .train)) : try data(20, .train)
let test = try data(5, .test)
for argument in CommandLine.arguments.dropFirst(3) {
  guard let epochs = Int(argument) else { fatalError("\(argument) is not a number of epochs.") }
  let run = isRecipe ? recipe(entries, epochs: epochs) : configuration(entries, epochs: epochs)
  let kernels = try KernelBuild.select(nil, subject: "AllocationProbe")
  @Sendable nonisolated func trainer(_ job: Job? = nil) throws -> Trainer {
    try Trainer(
      configuration: run, topology: topology, kernels: kernels, training: training, test: test, initialWeights: nil,
      job: job)
  }
  let transports = PairTransport.pair()
  let other = DispatchGroup()
  if hasRanks {
    DispatchQueue(label: "rank.1").async(group: other) {
      leaveOutThread()
      do { _ = try trainer(Job(transports[1])).run(stop: StopFlag()) { _ in } } catch { fatalError("\(error)") }
    }
  }
  let first = try trainer(hasRanks ? Job(transports[0]) : nil)
  let before = workerAllocations()
  let summary = try first.run(stop: StopFlag()) { _ in }
  other.wait()
  print(summary.steps, workerAllocations() - before)
}
