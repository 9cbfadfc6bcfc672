import Foundation
import Storage
import TestSupport
import Testing

/// Training that goes on from other weights: docs/fine-tuning.md, and what becomes of the last layer.
@Suite struct FineTuningProgramTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func run(_ line: String) throws -> ProcessResult {
    try Executable.run(line.split(separator: " ").map(String.init), folder: folder.path)
  }

  private func succeed(_ line: String) throws -> ProcessResult {
    let result = try run(line)
    #expect(result.exitCode == 0, "\(line): \(result.errors)")
    return result
  }

  private func tensors(_ name: String) throws -> [String: NamedTensor] {
    Dictionary(uniqueKeysWithValues: try Safetensors.read(folder.file(name)).tensors.map { ($0.name, $0) })
  }

  /// What torchvision calls a tensor of its ResNet-18 that is written in PyTorch's order.
  private func torchvisionName(_ name: String) -> String {
    var parts = name.split(separator: ".").map(String.init)
    let blocks = ["residual_1_1", "residual_1_2"] + (2...7).map { "residual_\($0)" }
    var prefix = ""
    if let block = blocks.firstIndex(of: parts[0]) {
      prefix = "layer\(block / 2 + 1).\(block % 2)."
      parts.removeFirst()
    }
    if parts[0] == "shortcut" {
      return "\(prefix)downsample.\(parts[1] == "conv2d_1" ? 0 : 1).\(parts[2])"
    }
    let number = parts[0].last.map(String.init) ?? ""
    let module =
      parts[0].hasPrefix("conv2d") ? "conv\(number)" : parts[0].hasPrefix("batch_norm") ? "bn\(number)" : "fc"
    return "\(prefix)\(module).\(parts[1])"
  }

  @Test("the road of docs/fine-tuning.md: torchvision's weights, a folder of images, a net that knows their classes")
  func road() throws {
    // A stand-in for torchvision's file: its names and shapes, of a net that has seen other classes.
    _ = try folder.write(
      """
      { model: { preset: "resnet18", classes: 7, input: [64, 64, 3] },
        data: { format: "synthetic", examples: 8, test_examples: 0, classes: 7 },
        training: { epochs: 1, batch_size: 8, optimizer: { lr: 0.001 } }, checkpoint: { every_epochs: 0 } }
      """, to: "imagenet.json")
    _ = try succeed("train imagenet.json --quiet --output imagenet")
    _ = try succeed(
      "export imagenet.json --weights imagenet/weights.safetensors --format pytorch --output torch.safetensors")
    let foreign = try Safetensors.read(folder.file("torch.safetensors")).tensors.map {
      NamedTensor(name: torchvisionName($0.name), shape: $0.shape, values: $0.values)
    }
    try Safetensors.write(foreign, metadata: ["format": "pt"], to: folder.file("resnet18.safetensors"))

    for (k, name) in ["cat", "dog"].enumerated() {
      try folder.makeFolder("photos/\(name)")
      for i in 0..<5 {
        var rows: [UInt8] = []
        for row in 0..<100 {
          let brightness = 90 * k + i + row * (k + 1)
          rows.append(0)
          for column in 0..<300 { rows.append(UInt8(truncatingIfNeeded: brightness + column % 7)) }
        }
        let file = pngFile(height: 100, width: 100, colour: 2, data: zlibData(rows))
        _ = try folder.write(file, to: "photos/\(name)/\(i).png")
      }
    }
    _ = try succeed("init --data photos --preset resnet18")
    let imported = try succeed(
      "import resnet18.safetensors --format torchvision --config photos.json --new-head --output start.safetensors")
    #expect(imported.output.contains("new, at random: dense_1.weight, dense_1.bias"))
    _ = try succeed(
      "train photos.json --weights start.safetensors --quiet --epochs 1 --lr 0.01 "
        + "--set model.frozen=[\"conv2d_1\",\"batch_norm_1\",\"residual_1\"] --output tuned")

    let (start, end) = (try tensors("start.safetensors"), try tensors("tuned/weights.safetensors"))
    #expect(start["conv2d_1.weight"]?.shape == [7, 7, 3, 64])
    for (name, tensor) in start {
      let isFrozen = ["conv2d_1.", "batch_norm_1.", "residual_1_"].contains(where: name.hasPrefix)
      #expect((end[name] == tensor) == isFrozen, "\(name)")
    }
    // The run's own configuration holds the list.
    #expect(
      try folder.text("tuned/config.json").contains("\"frozen\": [\"conv2d_1\", \"batch_norm_1\", \"residual_1\"]"))
    let predicted = try succeed(
      "predict tuned/config.json --weights tuned/weights.safetensors --images photos/cat/0.png --top 1")
    #expect(predicted.output.contains("\"cat\"") || predicted.output.contains("\"dog\""))
  }

  private func net(_ classes: Int, units: Int = 6) -> String {
    """
    { model: { input: [4, 4, 1], layers: [{ type: "flatten" }, { type: "dense", units: \(units) }, { type: "relu" },
        { type: "dense", units: \(classes) }, { type: "softmax" }] },
      data: { format: "synthetic", examples: 64, test_examples: 0, classes: \(classes) },
      training: { epochs: 1, batch_size: 16, optimizer: { lr: 0 } } }
    """
  }

  @Test("weights for another number of classes: the last layer starts anew, and it is said")
  func newHead() throws {
    for (name, classes, units) in [("three", 3, 6), ("five", 5, 6), ("wide", 5, 7)] {
      _ = try folder.write(net(classes, units: units), to: "\(name).json")
    }
    let three = try succeed("train three.json --quiet --seed 2 --output three")
    #expect(three.errors == "")
    let five = try succeed("train five.json --quiet --output five --weights three/weights.safetensors")
    #expect(
      five.errors
        == "lockstep: warning: the last layer has another number of classes than the weights' and starts anew: "
        + "dense_2.weight ([5, 6], in the file [3, 6]), dense_2.bias ([5], in the file [3])\n")
    let (old, new) = (try tensors("three/weights.safetensors"), try tensors("five/weights.safetensors"))
    // The learning rate is 0: what was taken is the same, what is new is as without the file.
    #expect(old["dense_1.weight"] == new["dense_1.weight"] && old["dense_1.bias"] == new["dense_1.bias"])
    _ = try succeed("train five.json --quiet --output fresh")
    let fresh = try tensors("fresh/weights.safetensors")
    #expect(fresh["dense_2.weight"] == new["dense_2.weight"] && fresh["dense_1.weight"] != new["dense_1.weight"])
    let again = try succeed("train five.json --quiet --output five --overwrite --weights three/weights.safetensors")
    #expect(again.errors == five.errors)

    let wide = try run("train wide.json --quiet --output wide --weights three/weights.safetensors")
    #expect(
      wide.exitCode == 65 && wide.errors.contains("the tensor dense_1.weight has shape [6, 16]"), "\(wide.errors)")
    let predicted = try run("predict five.json --weights three/weights.safetensors --images three.json")
    #expect(predicted.exitCode == 65)
  }

  @Test("names that stand for no layer are errors with the nearest")
  func frozenNames() throws {
    _ = try folder.write(net(3), to: "net.json")
    func config(_ list: String) throws -> ProcessResult {
      try Executable.run(["config", "net.json", "--set", "model.frozen=\(list)"], folder: folder.path)
    }
    let wrong = try config("[\"dense1\"]")
    #expect(wrong.exitCode == 78 && wrong.errors.contains("model.frozen: found \"dense1\""), "\(wrong.errors)")
    #expect(wrong.errors.contains("the nearest is dense_1"))
    let all = try config("[\"dense_*\"]")
    #expect(
      all.exitCode == 78 && all.errors.contains("found no layer with parameters that is trained"), "\(all.errors)")
    #expect(try config("[\"dense_1\"]").output.contains("\"frozen\": [\"dense_1\"]"))
    #expect(try config("[\"a b\"]").exitCode == 78)
  }
}
