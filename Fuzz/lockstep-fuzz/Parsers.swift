import Configuration
import Datasets
import Diagnostics
import Machine
import Runs
import Storage

/// Every parser of what others may have written, with what must hold for whatever it accepts.
enum Parsers {
  static let all: [String: @Sendable ([UInt8]) -> Void] = [
    "safetensors": safetensors, "checkpoint": checkpoint, "idx": idx, "json": json, "configuration": configuration,
    "override": override, "cpus": cpus,
  ]

  /// Runs `body`, which may refuse its input with an error of `category` alone.
  private static func expecting(_ category: UserError.Category..., body: () throws(UserError) -> Void) {
    do throws(UserError) {
      try body()
    } catch {
      precondition(category.contains(error.category), "\(error.category) for a broken input: \(error)")
      precondition(!error.message.isEmpty && error.description.utf8.count < 100_000, "A message of odd length.")
    }
  }

  @Sendable private static func safetensors(_ bytes: [UInt8]) {
    expecting(.badData) { () throws(UserError) in
      let file: SafetensorsFile = try Safetensors.read(ByteInput(name: "fuzz", bytes: bytes))
      let count: Int = file.tensors.reduce(0) { $0 + $1.values.count }
      precondition(count * 4 <= bytes.count, "More values than the file has bytes.")
      for tensor in file.tensors { precondition(tensor.shape.reduce(1, *) == tensor.values.count, "A wrong shape.") }
    }
  }

  /// Lines of `key=value` are the metadata of a checkpoint with one parameter, whose digest is right.
  @Sendable private static func checkpoint(_ bytes: [UInt8]) {
    var metadata: [String: String] = [:]
    for line: Substring in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let pair: [Substring] = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      metadata[String(pair[0])] = pair.count == 2 ? String(pair[1]) : ""
    }
    let tensors: [NamedTensor] = ["a.weight", "a.weight.velocity"].map {
      NamedTensor(name: $0, shape: [1], values: [0.5])
    }
    expecting(.badData) { () throws(UserError) in
      let file: SafetensorsFile = SafetensorsFile(tensors: tensors, metadata: metadata)
      let checkpoint: Checkpoint = try Checkpoint.decode(file, name: "fuzz")
      precondition(checkpoint.step >= 0 && checkpoint.recordCount >= 0, "A negative count.")
    }
  }

  /// The first byte says how many bytes after it are the label file; the rest is the image file.
  @Sendable private static func idx(_ bytes: [UInt8]) {
    guard let first: UInt8 = bytes.first else { return }
    let labels: ArraySlice<UInt8> = bytes.dropFirst().prefix(Int(first))
    let images: ArraySlice<UInt8> = bytes.dropFirst().dropFirst(Int(first))
    expecting(.badData) { () throws(UserError) in
      let data: ImageDataset = try ImageDataset.idx(
        images: ByteInput(name: "images", bytes: Array(images)),
        labels: ByteInput(name: "labels", bytes: Array(labels)), classCount: nil)
      for i: Int in 0..<data.count {
        precondition((0..<data.classCount).contains(Int(data.labels[i])), "A label outside.")
      }
    }
  }

  /// What is accepted must read back as the same from its own text, strictly too; what is accepted strictly, is JSON5.
  @Sendable private static func json(_ bytes: [UInt8]) {
    guard let text: String = String(validating: bytes, as: UTF8.self) else { return }
    expecting(.badConfiguration) { () throws(UserError) in
      let strict: JSONValue? = try? JSONReader.value(of: text, dialect: .strict, subject: "fuzz")
      let value: JSONValue = try JSONReader.value(of: text, subject: "fuzz")
      precondition(strict == nil || strict == value, "One text, two values.")
      let again: JSONValue = try JSONReader.value(of: value.compactText, dialect: .strict, subject: "again")
      precondition(again.compactText == value.compactText, "Reads back as another.")
    }
  }

  /// What is accepted must read back as the same from its own text, and take another `runtime` section.
  @Sendable private static func configuration(_ bytes: [UInt8]) {
    guard let text: String = String(validating: bytes, as: UTF8.self) else { return }
    expecting(.badConfiguration) { () throws(UserError) in
      var run: RunConfiguration = try ConfigurationReader.read(text: text, file: "/fuzz.json")
      let again: RunConfiguration = try ConfigurationReader.read(text: run.jsonText, file: "/fuzz.json")
      precondition(again == run, "Reads back as another.")
      run.runtime.workers = .count(7)
      let tuned: RunConfiguration = try ConfigurationReader.read(
        text: try RuntimeSection.replace(in: text, by: run.runtime), file: "/fuzz.json")
      precondition(tuned == run, "Tuned into another.")
    }
  }

  private static let base: String = """
    { model: { input: [4, 4, 1], layers: [{ type: "flatten" }, { type: "dense", units: 3 }, { type: "softmax" }] },
      data: { format: "synthetic", examples: 40, classes: 3 } }
    """

  /// `path=value`, as in `--set`, or `PATH=value` as in a `LOCKSTEP_` variable.
  @Sendable private static func override(_ bytes: [UInt8]) {
    let pair: [Substring] = String(decoding: bytes, as: UTF8.self).split(
      separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let (path, value): (String, String) = (String(pair[0]), pair.count == 2 ? String(pair[1]) : "")
    for overrides: [ConfigurationOverride] in [
      [ConfigurationOverride(path: path, text: value, origin: "--set")],
      ConfigurationOverride.fromEnvironment(["LOCKSTEP_\(path)": value]),
    ] where !overrides.isEmpty {
      expecting(.badConfiguration, .usage) { () throws(UserError) in
        _ = try ConfigurationReader.read(text: base, file: "/fuzz.json", overrides: overrides)
      }
    }
  }

  /// What is accepted must read back as the same from its own list.
  @Sendable private static func cpus(_ bytes: [UInt8]) {
    let text: String = String(decoding: bytes, as: UTF8.self)
    expecting(.usage) { () throws(UserError) in
      let set: CPUSet = try CPUSet(list: text, category: .usage, subject: "cpus")
      let again: CPUSet = try CPUSet(list: set.description, category: .usage, subject: "cpus")
      precondition(again == set, "Reads back as another.")
    }
  }
}
