import Foundation
import Storage
import TestSupport
import Testing

@Suite struct ImageProgramTests {
  private let folder: TemporaryFolder

  /// `train/a` and `train/b` with JPEG files of every sampling, and a configuration of a small net for them.
  init() throws {
    folder = try TemporaryFolder()
    let names = ["sampling420.jpg", "sampling422.jpg", "sampling444.jpg", "progressive.jpg", "quality5.jpg", "rgb.jpg"]
    for (i, name) in names.enumerated() {
      let path = i % 2 == 0 ? "train/a" : "train/b"
      try FileManager.default.createDirectory(atPath: folder.file(path), withIntermediateDirectories: true)
      _ = try folder.write(contents(ofFile: fixture("images/\(name)")), to: "\(path)/\(name)")
    }
    _ = try folder.write(
      """
      { model: { input: [16, 16, 3], layers: [{ type: "flatten" }, { type: "dense", units: 2 }, { type: "softmax" }] },
        data: { format: "image_folder", train: "train", test: "train", resize: { shorter_side: 18 }, crop: "center" },
        training: { epochs: 2, batch_size: 4, optimizer: { lr: 0.01 } } }
      """, to: "net.json")
  }

  private func digest(_ arguments: String..., environment: [String: String] = [:]) throws -> String {
    let result = try Executable.run(
      ["train", "net.json", "--json", "--quiet", "--overwrite", "--resume", "never"] + arguments,
      environment: environment, folder: folder.path)
    #expect(result.exitCode == 0, "\(result.errors)")
    let summary = try JSONReader.value(of: result.output, subject: "summary")
    guard case .string(let digest)? = summary["weights_digest"] else { return "none" }
    return digest
  }

  /// `JSIMD_FORCENONE` keeps libjpeg-turbo from its SIMD code.
  @Test("the same bits without the JPEG library's SIMD code, and for other workers")
  func sameBitsWithoutSIMD() throws {
    let expected = try digest()
    #expect(try digest(environment: ["JSIMD_FORCENONE": "1"]) == expected)
    #expect(try digest("--workers", "3") == expected)
  }

  @Test("damaged files end the run, all of them by name, or are left out")
  func damagedFiles() throws {
    for name in ["one\nline.png", "two.jpg"] { _ = try folder.write("nothing", to: "train/a/\(name)") }
    let refused = try Executable.run(["train", "net.json", "--quiet"], folder: folder.path)
    #expect(refused.exitCode == 65)
    #expect(refused.errors.contains("train: 2 of 8 files are no images that can be used"))
    #expect(refused.errors.contains("one?line.png: is not a PNG or JPEG image"))
    #expect(refused.errors.contains("two.jpg: is not a PNG or JPEG image"))
    let skipping = try Executable.run(
      ["train", "net.json", "--quiet", "--set", "data.on_error=skip"], folder: folder.path)
    #expect(skipping.exitCode == 0)
    #expect(skipping.errors.contains("warning: left out: \(folder.path)/train/a/two.jpg: is not a PNG"))
  }
}
