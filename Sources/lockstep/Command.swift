import Diagnostics

/// A command: what is typed, what it takes, and what it does.
package struct Command: Sendable {
  /// One or two words.
  package let name: String
  package let summary: String
  /// The words after its name, as its help calls them: a configuration unless it says otherwise.
  package let operands: [String]
  /// Whether the last of them may come more than once.
  package let takesSeveral: Bool
  /// Whether it can run without them.
  package let configurationIsOptional: Bool
  /// The flags it cannot do without, then those it uses, in the order its help shows them.
  package let required: [Flag]
  package let optional: [Flag]
  /// What stands after `lockstep NAME` in an example.
  package let example: String
  let run: @Sendable (CommandCall) throws -> Int32

  private init(
    _ name: String, _ summary: String, operands: [String] = ["CONFIG"], takesSeveral: Bool = false,
    configurationIsOptional: Bool = false,
    required: [Flag] = [], _ optional: [Flag], example: String, run: @escaping @Sendable (CommandCall) throws -> Int32
  ) {
    self.name = name
    self.summary = summary
    self.operands = operands
    self.takesSeveral = takesSeveral
    self.configurationIsOptional = configurationIsOptional
    self.required = required
    self.optional = optional
    self.example = example
    self.run = run
  }

  package var words: [String] { name.split(separator: " ").map(String.init) }
  package var flags: [Flag] { required + optional }
  /// The operands as usages show them.
  package var operandUsage: [String] {
    operands.map { operand in
      let words = takesSeveral ? "\(operand)…" : operand
      return configurationIsOptional ? "[\(words)]" : words
    }
  }
  package func takes(_ flag: Flag) -> Bool { flags.contains(flag) || Flag.common.contains(flag) }
}

extension Command: Hashable {
  package static func == (a: Command, b: Command) -> Bool { a.name == b.name }
  package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension Command {
  package static let train = Command(
    "train", "train a network; writes the run directory",
    [
      .output, .weights.described("start from these weights"), .resume, .overwrite, .strictPlacement, .trace, .watch,
      .dryRun,
    ]
      + Flag.overrides
      + [.json, .quiet, .noProgress],
    example: "Config/digits.json --epochs 5 --output runs/short"
  ) { try $0.train() }

  package static let evaluate = Command(
    "evaluate", "loss, accuracy, numbers by class on the test set", required: [.weights], [.set, .workers, .json],
    example: "Config/digits.json --weights runs/digits/weights.safetensors"
  ) { try $0.evaluate() }

  package static let predict = Command(
    "predict", "class and probabilities per image", required: [.weights, .images],
    [
      .output.described("write the lines there, not to stdout", placeholder: "FILE"), .top,
      .format.described("the form of the lines (jsonl)", placeholder: "jsonl|csv"), .set, .workers,
      .json,
      .quiet,
    ],
    example: "mnist.json --weights w.safetensors --images t10k-images-idx3-ubyte.gz"
  ) { try $0.predict() }

  package static let report = Command(
    "report", "a page about a run, or about several side by side", operands: ["DIR"], takesSeveral: true,
    [.output.described("the page (DIR/report.html, of several report.html)", placeholder: "FILE"), .json, .quiet],
    example: "runs/digits runs/digits-2 --output both.html"
  ) { try $0.report() }

  package static let initialise = Command(
    "init", "writes a configuration that trains, for your data", operands: ["DIR"], configurationIsOptional: true,
    [.data, .preset, .json], example: "--data photos"
  ) { try $0.initialise() }

  package static let dataInfo = Command(
    "data info", "counts by class, shapes, mean, std, damaged files", operands: ["CONFIG|PATH"],
    [.sheet, .overwrite.described("replace the picture"), .set, .json], example: "Config/digits.json --sheet digits.png"
  ) { try $0.dataInfo() }

  package static let dataConvert = Command(
    "data convert", "images and labels as NumPy arrays", operands: ["CONFIG|PATH"],
    required: [.output.described("the archive to write", placeholder: "FILE.npz")],
    [.overwrite.described("replace the file"), .set, .json], example: "photos --output photos.npz"
  ) { try $0.dataConvert() }

  package static let export = Command(
    "export", "the net for other programs: ONNX, or its weights",
    required: [.weights, .output.described("the file to write", placeholder: "FILE")],
    [
      .format.described("onnx, or a safetensors file of weights", placeholder: "onnx|pytorch|keras"), .pixels,
      .foldNorms,
      .overwrite.described("replace the file"), .set, .json, .quiet,
    ],
    example: "digits.json --weights runs/digits/weights.safetensors --output digits.onnx"
  ) { try $0.export() }

  package static let importing = Command(
    "import", "weights of another framework, as safetensors", operands: ["FILE"],
    required: [.format, .config, .output.described("the weights to write", placeholder: "FILE")],
    [.newHead, .overwrite.described("replace the file"), .set, .seed, .json, .quiet],
    example: "net.safetensors --format keras --config net.json --output w.safetensors"
  ) { try $0.importWeights() }

  package static let kernels = Command(
    "bench kernels", "one core's peak, and each layer's share of it", configurationIsOptional: true,
    [.page, .set, .json],
    example: "Config/lenet.json"
  ) { try $0.benchKernels() }

  package static let throughput = Command(
    "bench throughput", "images/s of full training steps on in-memory data",
    [.inference, .set, .workers, .batchSize, .json, .quiet], example: "Config/lenet.json --workers 4"
  ) { try $0.benchThroughput() }

  package static let scaling = Command(
    "bench scaling", "the same over worker counts, and where time went",
    [
      .workerCounts, .predict, .output.described("where table, JSON, chart and page go (runs/<name>-scaling)"), .set,
      .batchSize,
      .json, .quiet, .noProgress,
    ],
    example: "Config/lenet.json --worker-counts 1,2,4 --predict 8x16"
  ) { try $0.benchScaling() }

  package static let allReduce = Command(
    "bench allreduce", "the all-reduce alone, against copying its bytes", configurationIsOptional: true,
    [.parameters, .page, .set, .workers, .json], example: "--parameters 1000000 --workers 4"
  ) { try $0.benchAllReduce() }

  package static let tune = Command(
    "tune", "finds the fastest workers and placement",
    [.write, .force, .exhaustive, .page, .set, .batchSize, .json, .quiet, .noProgress],
    example: "Config/lenet.json --write tuned.json"
  ) { try $0.tune() }

  package static let gradcheck = Command(
    "gradcheck", "finite differences against every gradient", [.set, .seed, .json],
    example: "Config/digits.json"
  ) { try $0.gradcheck() }

  package static let topology = Command(
    "topology", "nodes, caches, usable CPUs and where workers go", configurationIsOptional: true,
    [.topologyRoot, .set, .workers, .batchSize, .json], example: "Config/digits.json"
  ) { try $0.topology() }

  package static let config = Command(
    "config", "the configuration with every default filled in", Flag.overrides + [.json],
    example: "Config/digits.json --set training.optimizer.lr=0.02"
  ) { try $0.config() }

  package static let completions = Command(
    "completions", "a script that completes command lines in a shell", operands: ["bash|zsh|fish"], [],
    example: "bash"
  ) { try $0.completions() }

  package static let verify = Command(
    "verify", "replays parts of a run and checks its ledger", operands: ["RUN"],
    [
      .segments, .all, .weights.described("what the run started from, if it began with --weights"), .set, .workers,
      .json, .quiet,
    ],
    example: "runs/digits --segments 3"
  ) { try $0.verify() }

  package static let compare = Command(
    "compare", "the first step and shard in which two runs differ", operands: ["RUN", "RUN"],
    [.set, .workers, .json, .quiet], example: "runs/digits runs/digits-2"
  ) { try $0.compare() }

  package static let selfTest = Command(
    "selftest", "known digests on this machine, in under a minute", operands: [], [.json, .quiet], example: "--json"
  ) { try $0.selfTest() }

  /// In the order `--help` shows them.
  package static let all: [Command] = [
    initialise, train, report, evaluate, predict, export, importing, dataInfo, dataConvert, kernels, throughput,
    scaling, allReduce, tune, gradcheck, verify, compare, selfTest, topology, config, completions,
  ]
  package static let names: [String] = all.map(\.name)

  /// The commands of several words that begin with `word`, such as `bench`.
  package static func group(_ word: String) -> [Command] { all.filter { $0.words.count > 1 && $0.words[0] == word } }
}
