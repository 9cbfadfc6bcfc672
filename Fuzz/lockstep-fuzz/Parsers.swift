import CZlib
import Collectives
import Configuration
import Datasets
import Diagnostics
import Machine
import MessagePassing
import Runs
import Storage
import Training

/// Every parser of what others may have written, with what must hold for whatever it accepts.
enum Parsers {
  static let all: [String: @Sendable ([UInt8]) -> Void] = [
    "safetensors": safetensors, "checkpoint": checkpoint, "idx": idx, "npz": npz, "cifar": cifar, "png": png,
    "jpeg": jpeg,
    "json": json, "configuration": configuration, "override": override, "cpus": cpus,
    "control": control, "outcome": outcome, "greeting": greeting, "card": card,
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

  /// The arrays `x` and `y` of an archive.
  @Sendable private static func npz(_ bytes: [UInt8]) {
    expecting(.badData) { () throws(UserError) in
      check(try ImageDataset.arrays(npz: ByteInput(name: "fuzz", bytes: bytes), images: "x", labels: "y"))
    }
  }

  /// The first byte says which version; whole records begin with the rest, and end with zeros.
  @Sendable private static func cifar(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let record = first % 2 == 0 ? 3073 : 3074
    let content = bytes.dropFirst()
    let padding = first < 128 ? (record - content.count % record) % record : 0
    expecting(.badData) { () throws(UserError) in
      check(
        try ImageDataset.cifar(
          first % 2 == 0 ? .cifar10 : .cifar100,
          [ByteInput(name: "fuzz", bytes: content + [UInt8](repeating: 0, count: padding))]))
    }
  }

  private static func check(_ data: ImageDataset) {
    precondition(
      (0..<data.count).allSatisfy { (0..<data.classCount).contains(Int(data.labels[$0])) }, "A label outside.")
  }

  /// The first 13 bytes are the header's; then come chunks, each a byte for its kind, one for its length and its data. All
  /// checksums are right, so that what is behind them is reached.
  @Sendable private static func png(_ bytes: [UInt8]) {
    guard bytes.count >= 13 else { return image(bytes) }
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", Array(bytes.prefix(13)))
    var rest = bytes.dropFirst(13)
    while rest.count >= 2 {
      let kind = rest.removeFirst()
      let data = Array(rest.prefix(Int(rest.removeFirst())))
      rest = rest.dropFirst(data.count)
      switch kind % 8 {
      case 0...3: file += chunk("IDAT", deflated(data, times: Int(kind) / 8 + 1))
      case 4: file += chunk("PLTE", data)
      case 5: file += chunk("tRNS", data)
      case 6: file += chunk("eXIf", data)
      default: file += chunk("IDAT", data)
      }
    }
    image(file + chunk("IEND", []))
  }

  @Sendable private static func jpeg(_ bytes: [UInt8]) { image(bytes) }

  /// Decodes an image file of any size into a small example; a network's sizes are not the file's to choose.
  private static func image(_ bytes: [UInt8]) {
    let fit = ImageFit(height: 8, width: 8, channels: 3, shorterSide: 8, isCropped: true)
    // Damage, or an image that needs more memory than there is.
    expecting(.badData, .systemRefused) { () throws(UserError) in
      let pixels = try ImageFileReader().example(ByteInput(name: "fuzz", bytes: bytes), fit: fit)
      precondition(pixels.count == 8 * 8 * 3, "Pixels of another shape.")
    }
  }

  private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let content = Array(type.utf8) + data
    func number(_ value: UInt) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    return number(UInt(data.count)) + content + number(crc32(0, content, UInt32(content.count)))
  }

  private static func deflated(_ data: [UInt8], times: Int) -> [UInt8] {
    let content = [[UInt8]](repeating: data, count: times).flatMap { $0 }
    var size = compressBound(UInt(content.count))
    var output = [UInt8](repeating: 0, count: Int(size))
    precondition(compress2(&output, &size, content, UInt(content.count), 1) == Z_OK, "zlib cannot compress.")
    return Array(output.prefix(Int(size)))
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

  /// What a rank of a job tells the others in a step: whatever is read is written again as the same bytes.
  @Sendable private static func control(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { bytes in
      guard let block = try? ControlBlock(bytes) else { return }
      precondition(bytes.count == ControlBlock.byteCount(shards: block.shards.count), "A block of another length.")
      // A run has buffers for all shards of a batch, and refuses blocks about others.
      guard block.shards.upperBound <= 1 << 20 else { return }
      var losses = [Double](repeating: 0, count: block.shards.upperBound)
      var hits = [Int](repeating: 0, count: block.shards.upperBound)
      block.readSums(bytes, losses: &losses, hits: &hits)
      let again = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
      defer { again.deallocate() }
      block.write(to: again, losses: losses, hits: hits)
      let reread = try? ControlBlock(UnsafeRawBufferPointer(again))
      precondition(reread == block, "A block is read differently once it was written again.")
      let sums = ControlBlock.byteCount(shards: 0)
      precondition(again.dropFirst(sums).elementsEqual(bytes.dropFirst(sums)), "Other sums.")
    }
  }

  /// How far a rank came before the first step.
  @Sendable private static func outcome(_ bytes: [UInt8]) {
    let outcome = RankOutcome(bytes: bytes)
    precondition(
      RankOutcome(bytes: outcome.bytes) == outcome, "An outcome is read differently once it was written again.")
  }

  /// What a rank tells the others about itself before the first step.
  @Sendable private static func card(_ bytes: [UInt8]) {
    expecting(.internalFailure) { () throws(UserError) in
      let card = try RankCard(bytes, from: "rank 1")
      let again = try? RankCard(card.bytes, from: "rank 1")
      precondition(again == card, "A card is read differently once it was written again.")
    }
  }

  /// What a rank tells the others first.
  @Sendable private static func greeting(_ bytes: [UInt8]) {
    guard let peer = RankPeer(bytes: bytes) else { return }
    precondition(peer.host.utf8.count <= 64 * 3, "A host name of odd length.")
  }
}
