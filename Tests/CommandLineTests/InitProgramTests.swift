import Foundation
import Storage
import TestSupport
import Testing

/// `init` with every kind of data: what it writes trains.
@Suite struct InitProgramTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func call(_ arguments: [String]) throws -> ProcessResult {
    try Executable.run(arguments, folder: folder.path)
  }

  /// The object that `init` prints, once its file has trained a few steps and is JSON but for comments.
  private func trained(_ arguments: [String], file: String) throws -> JSONValue {
    let made = try call(["init", "--json"] + arguments)
    #expect(made.exitCode == 0, "\(made.errors)")
    let text = try folder.text(file)
    let plain = text.split(separator: "\n").map { line -> String in
      String(line.firstRange(of: "// ").map { line[..<$0.lowerBound] } ?? line)
    }
    #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(plain.joined(separator: "\n").utf8)) }
    let run = try call([
      "train", file, "--quiet", "--set", "training.max_steps=3", "--batch-size", "8", "--output",
      "run-\(UUID().uuidString)",
    ])
    #expect(run.exitCode == 0, "\(text)\n\(run.errors)")
    return try JSONReader.value(of: made.output, subject: "init")
  }

  private func pixels(_ count: Int, _ seed: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761 &+ seed &* 40503) >> 7) }
  }

  private func writeImages(_ path: String, _ sizes: [(height: Int, width: Int)]) throws {
    try folder.makeFolder(path)
    for (i, size) in sizes.enumerated() {
      let file = pngFile(height: size.height, width: size.width, grey: pixels(size.height * size.width, i))
      _ = try folder.write(file, to: "\(path)/\(i).png")
    }
  }

  private let small = [(height: Int, width: Int)](repeating: (20, 20), count: 8)

  @Test("nothing: the digits")
  func digits() throws {
    let found = try trained([], file: "digits.json")
    #expect(found["format"] == .string("digits") && found["data"] == .null && found["classes"] == .integer(10))
    #expect(found["next"] == .string("lockstep train digits.json"))
    let again = try call(["init"])
    #expect(again.exitCode == 64 && again.errors.contains("digits.json: is there already; init replaces nothing"))
  }

  @Test("IDX files, by their folder or one of them, from another folder")
  func idxFiles() throws {
    try folder.makeFolder("mnist")
    _ = try folder.write(gzip(idx([20, 28, 28], pixels(20 * 784, 1))), to: "mnist/train-images-idx3-ubyte.gz")
    _ = try folder.write(gzip(idx([20], (0..<20).map { UInt8($0 % 10) })), to: "mnist/train-labels-idx1-ubyte.gz")
    _ = try folder.write(idx([10, 28, 28], pixels(10 * 784, 2)), to: "mnist/t10k-images-idx3-ubyte")
    _ = try folder.write(idx([10], (0..<10).map { UInt8($0) }), to: "mnist/t10k-labels-idx1-ubyte")
    let found = try trained(["deep/er", "--data", "mnist"], file: "deep/er/mnist.json")
    #expect(found["preset"] == .string("lenet") && found["test_examples"] == .integer(10))
    #expect(try folder.text("deep/er/mnist.json").contains("\"../../mnist/train-images-idx3-ubyte.gz\""))
    let one = try trained(["--data", "mnist/train-images-idx3-ubyte.gz"], file: "train-images-idx3-ubyte.json")
    #expect(one["examples"] == .integer(20) && one["test_examples"] == .integer(10))
    #expect(try trained(["mnist"], file: "mnist/mnist.json")["format"] == .string("idx"))
  }

  @Test("arrays in an archive or in files, with names of classes")
  func arrays() throws {
    let (images, labels) = (
      npy("|u1", [12, 32, 32, 3], pixels(12 * 3072, 1)), npy("|u1", [12], (0..<12).map { UInt8($0 % 3) })
    )
    _ = try folder.write(
      zip([
        ("train_images.npy", images, true), ("train_labels.npy", labels, false), ("val_images.npy", images, false),
        ("val_labels.npy", labels, true),
      ]),
      to: "medicine.npz")
    let found = try trained(["--data", "medicine.npz"], file: "medicine.json")
    #expect(
      found["format"] == .string("npz") && found["preset"] == .string("resnet20") && found["classes"] == .integer(3))
    #expect(found["test_examples"] == .integer(12))
    try folder.makeFolder("loose")
    let floats = (0..<12 * 64).flatMap { withUnsafeBytes(of: Float($0 % 17) / 4, Array.init) }
    _ = try folder.write(npy("<f4", [12, 8, 8], floats), to: "loose/x_train.npy")
    _ = try folder.write(labels, to: "loose/y_train.npy")
    #expect(try trained(["--data", "loose"], file: "loose.json")["test_examples"] == .null)
    #expect(try folder.text("loose.json").contains("\"scale\": 0.25,"))
    _ = try folder.write(zip([("a.npy", images, false)]), to: "odd.npz")
    let odd = try call(["init", "--data", "odd.npz"])
    #expect(odd.exitCode == 65 && odd.errors.contains("odd.npz: holds a [12, 32, 32, 3]; allowed: images x_train"))
  }

  @Test("CIFAR's binary files")
  func cifar() throws {
    try folder.makeFolder("cifar-10-batches-bin")
    for name in (1...5).map({ "data_batch_\($0)" }) + ["test_batch"] {
      let records = (0..<4).flatMap { [UInt8($0)] + pixels(3072, $0) }
      _ = try folder.write(records, to: "cifar-10-batches-bin/\(name).bin")
    }
    let found = try trained(["--data", "cifar-10-batches-bin"], file: "cifar-10-batches-bin.json")
    #expect(
      found["format"] == .string("cifar10") && found["examples"] == .integer(20) && found["classes"] == .integer(10))
    #expect(try folder.text("cifar-10-batches-bin.json").contains("\"horizontal_flip\": 0.5"))
  }

  @Test("class folders of small images, split for validation; single characters are not mirrored")
  func smallImages() throws {
    for name in ["0", "1"] { try writeImages("letters/\(name)", small) }
    let found = try trained(["--data", "letters"], file: "letters.json")
    #expect(
      found["format"] == .string("image_folder") && found["examples"] == .integer(12)
        && found["test_examples"] == .integer(4))
    let text = try folder.text("letters.json")
    #expect(
      text.contains("\"validation_split\": 0.2") && text.contains("\"input\": [20, 20, 1]") && !text.contains("flip"))
    // Runs beside the classes would be a class.
    let inside = try call(["init", "letters"])
    #expect(inside.exitCode == 64 && inside.errors.contains("holds the folders of the classes"))
  }

  @Test("photographs of several sizes in train and val, some damaged")
  func photographs() throws {
    for (part, count) in [("train", 6), ("val", 2)] {
      for name in ["cat", "dog's"] {
        try writeImages("my photos/\(part)/\(name)", (0..<count).map { (130 + 9 * $0, 200 - 3 * $0) })
      }
    }
    _ = try folder.write("nothing", to: "my photos/train/cat/broken.jpg")
    let found = try trained(["--data", "my photos", "--preset", "resnet20"], file: "my photos.json")
    #expect(found["input"] == .array([.integer(32), .integer(32), .integer(1)]) && found["damaged"] == .integer(1))
    #expect(found["next"] == .string("lockstep train 'my photos.json'"))
    #expect(try folder.text("my photos.json").contains("\"on_error\": \"skip\""))
    try FileManager.default.removeItem(atPath: folder.file("my photos.json"))
    let drafted = try call(["init", "--data", "my photos"])
    let text = try folder.text("my photos.json")
    #expect(drafted.exitCode == 0 && drafted.errors.contains("warning: damaged: my photos/train/cat/broken.jpg"))
    #expect(text.contains("\"preset\": \"resnet18\"") && text.contains("\"input\": [128, 128, 1]"))
    #expect(text.contains("\"resize\": { \"shorter_side\": 146 }") && text.contains("\"random_resized_crop\""))
  }

  @Test("what is not data, and a net that does not fit, are errors that say what is allowed")
  func errors() throws {
    try folder.makeFolder("empty/inside")
    for (arguments, code, words) in [
      (["--data", "nowhere"], 66, "nowhere"), (["--data", "empty"], 65, "empty: holds no data that is known here"),
      (["--preset", "resnet21"], 64, "the nearest is resnet20"),
      (["--preset", "vgg11_bn"], 64, "--preset: vgg11_bn does not fit the images"),
    ] {
      let result = try call(["init"] + arguments)
      #expect(result.exitCode == code && result.errors.contains(words), "\(result.errors)")
    }
    try writeImages("one/only", small)
    try folder.makeFolder("one/other")
    #expect(try call(["init", "--data", "one"]).exitCode == 65)
    // Folders of something else beside them: not taken for data where none was named.
    try writeImages("mixed/a", small)
    try writeImages("mixed/b", small)
    try folder.makeFolder("mixed/docs")
    _ = try folder.write("text", to: "mixed/docs/readme.txt")
    #expect(try call(["init", "mixed", "--json"]).output.contains("\"format\":\"digits\""))
  }

  @Test("data info and data convert take a path")
  func paths() throws {
    for name in ["cat", "ox"] { try writeImages("animals/\(name)", small) }
    let info = try call(["data", "info", "animals", "--sheet", "sheet.png"])
    #expect(info.exitCode == 0 && info.output.contains("0 cat"), "\(info.errors)")
    #expect(
      info.output.contains("sheet.png: 8 training images a row as they are, then the same as the first epoch sees them")
    )
    #expect(info.output.contains("its rows, from the top: 0 cat, 1 ox"))
    #expect(try contents(ofFile: folder.file("sheet.png")).starts(with: [0x89, 0x50, 0x4E, 0x47]))
    #expect(try call(["data", "info", "animals", "--sheet", "sheet.png"]).exitCode == 64)
    let converted = try call(["data", "convert", "animals", "--output", "animals.npz"])
    #expect(
      converted.exitCode == 0 && converted.output.contains("x_train      [12, 20, 20, 1] u8"), "\(converted.output)")
    let found = try trained(["--data", "animals.npz"], file: "animals.json")
    #expect(found["classes"] == .integer(2) && found["test_examples"] == .integer(4))
    #expect(try folder.text("animals.json").contains("in 2 classes: cat, ox"))
    #expect(try call(["data", "info", "animals.npz"]).output.contains("1 ox"))
    let again = try call(["data", "convert", "animals", "--output", "animals.npz"])
    #expect(again.exitCode == 64 && again.errors.contains("--overwrite replaces it"))
    try writeImages("animals/cat", [(30, 30)])
    let several = try call(["data", "convert", "animals", "--output", "b.npz"])
    #expect(several.exitCode == 65 && several.errors.contains("has images of several sizes"))
  }
}
