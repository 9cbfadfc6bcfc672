/// A flag: what is typed after `--`, where `-` and `_` are the same, its value, and its line in the help.
///
/// Two flags with one name are equal: a command may describe a flag in its own words.
package struct Flag: Hashable, Sendable {
  package let name: String
  /// The placeholder of its value; `nil` if it takes none.
  package let placeholder: String?
  package let summary: String
  /// The key of the configuration that it replaces, if any.
  package let keyPath: String?

  private init(_ name: String, _ placeholder: String?, _ summary: String, keyPath: String? = nil) {
    self.name = name
    self.placeholder = placeholder
    self.summary = summary
    self.keyPath = keyPath
  }

  package var text: String { "--\(name)" }
  /// `--workers N|auto`.
  package var usage: String { placeholder.map { "\(text) \($0)" } ?? text }

  /// The same flag with one command's placeholder and description.
  package func described(_ summary: String, placeholder: String? = nil) -> Flag {
    Flag(name, placeholder ?? self.placeholder, summary, keyPath: keyPath)
  }

  package static func == (a: Flag, b: Flag) -> Bool { a.name == b.name }
  package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension Flag {
  package static let output = Flag("output", "DIR", "the run directory (runs/<name>, -2, -3 …)")
  package static let weights = Flag("weights", "FILE", "the weights, a safetensors file")
  package static let images = Flag(
    "images", "PATH", "a folder, PNG or JPEG files (repeatable), an IDX, npy or npz file")
  package static let top = Flag("top", "K", "the K most probable classes in place of all probabilities")
  package static let format = Flag("format", "pytorch|keras|torchvision", "whose names and orders the tensors have")
  package static let config = Flag("config", "CONFIG", "the configuration of the network")
  package static let pixels = Flag("pixels", "u8|f32", "what an ONNX model's images are made of (u8)")
  package static let foldNorms = Flag("fold-norms", nil, "make norms part of the layers before them, where possible")
  package static let newHead = Flag("new-head", nil, "start dense layers at the end anew if they do not fit")
  package static let preset = Flag("preset", "NAME", "the net, such as resnet20, in place of one that fits the images")
  package static let data = Flag("data", "FILE|DIR", "a folder of images, a .npz file, IDX or CIFAR files")
  package static let sheet = Flag("sheet", "FILE", "write a picture (PNG) of samples, as they are and augmented")
  package static let resume = Flag(
    "resume", "auto|never|last|FILE|DIR",
    "what to continue; auto: an unfinished run")
  package static let overwrite = Flag("overwrite", nil, "replace a finished run in the run directory")
  package static let strictPlacement = Flag(
    "strict-placement", nil, "exit with 71 if a thread or page is not where the plan says")
  package static let inference = Flag("inference", nil, "the forward pass alone, as evaluate and predict have it")
  package static let workerCounts = Flag(
    "worker-counts", "1,2,4", "the worker counts to measure (1, 2, 4 … and whole nodes)")
  package static let predict = Flag(
    "predict", "TARGET", "efficiency on others: 8x16 (nodes x cores), 4x(2x64)@25Gb, /sys copied to DIR/")
  package static let parameters = Flag("parameters", "N", "measure one size only")
  package static let write = Flag("write", "FILE", "write a copy of CONFIG with the best runtime section")
  package static let force = Flag("force", nil, "write even if the best setting is uncertain")
  package static let exhaustive = Flag("exhaustive", nil, "try every combination")
  package static let segments = Flag("segments", "N", "how many parts, drawn at random (5)")
  package static let all = Flag("all", nil, "the whole run")
  package static let topologyRoot = Flag(
    "topology-root", "DIR", "another machine, whose /sys and /proc were copied to DIR")
  package static let set = Flag("set", "key.path=VALUE", "any key of the configuration; repeatable")
  package static let page = output.described("a page about it, for a browser", placeholder: "FILE.html")
  package static let trace = Flag("trace", "FILE", "when each worker did what, for Perfetto and chrome://tracing")
  package static let watch = Flag("watch", "PORT", "serve the report as it grows on 127.0.0.1; 0: any free port")
  package static let dryRun = Flag(
    "dry-run", nil, "check everything, estimate memory and time by a few steps, write nothing")
  package static let workers = Flag("workers", "N|auto", "runtime.workers", keyPath: "runtime.workers")
  package static let epochs = Flag("epochs", "N", "training.epochs", keyPath: "training.epochs")
  package static let batchSize = Flag("batch-size", "N", "training.batch_size", keyPath: "training.batch_size")
  package static let lr = Flag("lr", "X", "training.optimizer.lr", keyPath: "training.optimizer.lr")
  package static let seed = Flag("seed", "N", "seed", keyPath: "seed")
  package static let json = Flag("json", nil, "machine-readable result as the last line on stdout")
  package static let quiet = Flag("quiet", nil, "no header and no progress; warnings remain")
  package static let noProgress = Flag("no-progress", nil, "plain lines, no progress bar")
  package static let version = Flag("version", nil, "print the version")
  package static let help = Flag("help", nil, "print this, or with a command its flags")

  /// Flags that replace a value of the configuration.
  package static let overrides: [Flag] = [set, workers, epochs, batchSize, lr, seed]
  /// Flags that every command accepts, so that scripts can always add them; help lists them only where they matter.
  package static let common: [Flag] = overrides + [json, quiet, noProgress]
  /// All flags, as their commands describe them.
  package static let known: [Flag] = {
    var flags: [Flag] = []
    for flag in Command.all.flatMap(\.flags) + common + [version, help] where !flags.contains(flag) {
      flags.append(flag)
    }
    return flags
  }()
}
