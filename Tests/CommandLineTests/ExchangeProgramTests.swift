import Foundation
import Storage
import TestSupport
import Testing

/// `export` and `import` as users type them.
@Suite struct ExchangeProgramTests {
  private let folder: TemporaryFolder
  private let file: String

  init() throws {
    folder = try TemporaryFolder()
    file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let trained = try Executable.run(["train", file, "--quiet", "--output", "w"], folder: folder.path)
    #expect(trained.exitCode == 0, "\(trained.errors)")
  }

  private func run(_ line: String) throws -> ProcessResult {
    try Executable.run(line.split(separator: " ").map(String.init), folder: folder.path)
  }

  private func json(_ result: ProcessResult) throws -> [String: Any] {
    #expect(result.exitCode == 0, "\(result.errors)")
    let line = try #require(result.output.split(separator: "\n").last)
    return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }

  @Test("an ONNX model has the same bytes for the same weights")
  func onnx() throws {
    let summary = try json(run("export tiny.json --weights w/weights.safetensors --output a.onnx --json"))
    #expect(summary["format"] as? String == "onnx" && summary["opset"] as? Int == 17)
    #expect((summary["weights_digest"] as? String)?.hasPrefix("sha256:") == true)
    let model = try contents(ofFile: folder.file("a.onnx"))
    #expect(model.prefix(2) == [0x08, 8])
    let again = try run("export tiny.json --weights w/weights.safetensors --output b.onnx --fold-norms")
    #expect(again.exitCode == 0 && again.output.contains("written to b.onnx"), "\(again.errors)")
    #expect(try contents(ofFile: folder.file("b.onnx")) == model)
    let floats = try run("export tiny.json --weights w/weights.safetensors --output c.onnx --pixels f32")
    #expect(floats.exitCode == 0)
    #expect(try contents(ofFile: folder.file("c.onnx")) != model)
  }

  @Test("an ONNX model has the numbers that \"auto\" in the configuration stands for")
  func measuredNumbers() throws {
    let auto = "--set data.scale=auto --set data.mean=auto --set data.std=auto"
    let trained = try run("train tiny.json --quiet --output m \(auto)")
    #expect(trained.exitCode == 0, "\(trained.errors)")
    for (configuration, file) in [
      ("m/config.json", "a.onnx"), ("tiny.json \(auto)", "b.onnx"), ("tiny.json", "c.onnx"),
    ] {
      let exported = try run("export \(configuration) --weights m/weights.safetensors --output \(file)")
      #expect(exported.exitCode == 0, "\(exported.errors)")
    }
    #expect(try contents(ofFile: folder.file("a.onnx")) == contents(ofFile: folder.file("b.onnx")))
    #expect(try contents(ofFile: folder.file("a.onnx")) != contents(ofFile: folder.file("c.onnx")))
  }

  @Test("weights go out and come back with the same digest", arguments: ["pytorch", "keras"])
  func roundTrip(format: String) throws {
    let out = try json(
      run("export tiny.json --weights w/weights.safetensors --format \(format) --output o.safetensors --json"))
    let back = try json(
      run("import o.safetensors --format \(format) --config tiny.json --output back.safetensors --json"))
    let digest = try #require(out["weights_digest"] as? String)
    #expect(back["weights_digest"] as? String == digest)
    #expect(back["new"] as? [String] == [] && back["ignored"] as? [String] == [])
    let evaluated = try run("evaluate tiny.json --weights back.safetensors")
    #expect(evaluated.exitCode == 0 && evaluated.errors == "", "\(evaluated.errors)")
    #expect(try evaluated.output == run("evaluate tiny.json --weights w/weights.safetensors").output)
  }

  @Test(
    "what is wrong is said with its exit code, and nothing is written",
    arguments: [
      ("export tiny.json --weights w/weights.safetensors --output o --format onxn", 64, "the nearest is onnx"),
      ("export tiny.json --weights w/weights.safetensors --output o --pixels u16", 64, "allowed: u8, f32"),
      (
        "export tiny.json --weights w/weights.safetensors --output o --format keras --fold-norms", 64,
        "--fold-norms: is given with --format keras"
      ),
      ("export tiny.json --output o", 64, "found no --weights"),
      ("export tiny.json --weights missing.safetensors --output o", 66, "missing.safetensors"),
      ("export tiny.json --weights tiny.json --output o", 65, "tiny.json"),
      ("export tiny.json --weights w/weights.safetensors --output no/o", 74, "no/o"),
      (
        "import w/weights.safetensors --format torchvision --config tiny.json --output o", 65, "is missing; the network"
      ),
      ("import w/weights.safetensors --format torch --config tiny.json --output o", 64, "allowed: pytorch, keras"),
      ("import w/weights.safetensors --config tiny.json --output o", 64, "found no --format"),
      ("import --format keras --config tiny.json --output o", 64, "found no FILE"),
      ("import missing --format keras --config tiny.json --output o", 66, "missing"),
      ("import w/weights.safetensors --format keras --config missing.json --output o", 66, "missing.json"),
    ])
  func mistakes(line: String, code: Int, words: String) throws {
    let result = try run(line)
    #expect(result.exitCode == Int32(code) && result.errors.contains(words), "\(result.exitCode) \(result.errors)")
    #expect(result.output == "")
    #expect(!folder.exists("o"))
  }

  @Test("a file that is there is replaced only if the user says so")
  func overwriting() throws {
    for line in [
      "export tiny.json --weights w/weights.safetensors --output tiny.onnx",
      "import w/weights.safetensors --format pytorch --config tiny.json --output tiny.onnx",
    ] {
      _ = try folder.write("mine", to: "tiny.onnx")
      let refused = try run(line)
      #expect(refused.exitCode == 64 && refused.errors.contains("--overwrite replaces it"), "\(refused.errors)")
      #expect(try folder.text("tiny.onnx") == "mine")
      let done = try run(line + " --overwrite")
      #expect(done.exitCode == 0, "\(done.errors)")
      #expect(try contents(ofFile: folder.file("tiny.onnx")) != Array("mine".utf8))
    }
  }

  @Test("a new head starts as the configuration's seed says")
  func newHead() throws {
    let out = try run("export tiny.json --weights w/weights.safetensors --format pytorch --output o.safetensors")
    #expect(out.exitCode == 0, "\(out.errors)")
    let wider = ProgramTests.tiny.replacingOccurrences(of: "units: 3", with: "units: 5")
    try #require(wider != ProgramTests.tiny)
    _ = try folder.write(wider, to: "wider.json")
    let refused = try run("import o.safetensors --format pytorch --config wider.json --output n.safetensors")
    #expect(refused.exitCode == 65, "\(refused.errors)")
    let line = "import o.safetensors --format pytorch --config wider.json --new-head --json --output"
    let first = try json(run(line + " n.safetensors"))
    #expect((first["new"] as? [String])?.isEmpty == false)
    let second = try json(run(line + " m.safetensors --seed 2"))
    #expect(first["weights_digest"] as? String != second["weights_digest"] as? String)
    let trained = try run("train wider.json --weights n.safetensors --output run --quiet")
    #expect(trained.exitCode == 0, "\(trained.errors)")
  }
}
