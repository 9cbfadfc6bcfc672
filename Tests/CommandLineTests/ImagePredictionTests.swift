import Diagnostics
import Foundation
import Storage
import TestSupport
import Testing

/// Training on a folder of photographs, then evaluating and predicting from files of every kind.
@Suite struct ImagePredictionTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for (name, grey) in [("dark", 20), ("light\nones", 220)] as [(String, UInt8)] {
      try FileManager.default.createDirectory(atPath: folder.file("train/\(name)"), withIntermediateDirectories: true)
      for i in 0..<10 {
        let pixels = (0..<16).map { grey + UInt8(($0 * 7 + i) % 16) }
        _ = try folder.write(pngFile(height: 4, width: 4, grey: pixels), to: "train/\(name)/\(i).png")
      }
    }
    _ = try folder.write(
      """
      { model: { input: [4, 4, 1], layers: [{ type: "flatten" }, { type: "dense", units: 2 }, { type: "softmax" }] },
        data: { format: "image_folder", train: "train", validation_split: 0.2 },
        training: { epochs: 10, batch_size: 4, optimizer: { lr: 0.1 } } }
      """, to: "net.json")
    let run = try Executable.run(["train", "net.json", "--quiet", "--output", "run"], folder: folder.path)
    try #require(run.exitCode == 0, "\(run.errors)")
  }

  private func lockstep(_ arguments: String...) throws -> ProcessResult {
    try Executable.run(
      arguments + ["--weights", "run/weights.safetensors"], folder: folder.path)
  }

  @Test("names of classes travel with the weights into evaluation")
  func evaluation() throws {
    let result = try lockstep("evaluate", "net.json", "--json")
    #expect(result.exitCode == 0, "\(result.errors)")
    let json = try JSONReader.value(of: result.output, subject: "evaluation")
    #expect(json["accuracy"]?.compactText == "1" && json["examples"]?.compactText == "4")
    #expect(json["confusion"]?.compactText == "[[2,0],[0,2]]")
    #expect(result.output.contains(#""class":1,"name":"light\nones","examples":2"#))
    let elsewhere = try lockstep(
      "evaluate", "net.json", "--json", "--set", "data.train=gone", "--set", "data.test=train", "--set",
      "data.validation_split=0")
    #expect(elsewhere.output.contains(#""class":0,"name":"dark","examples":10"#), "\(elsewhere.errors)")
    let text = try lockstep("evaluate", "net.json")
    #expect(text.output.contains("1 light?ones         2    100.00%  100.00%  100.00%"), "\(text.output)")
  }

  @Test("a folder, files, an archive and an IDX file are predicted")
  func predictions() throws {
    let all = try lockstep("predict", "net.json", "--images", "train", "--top", "1")
    #expect(all.exitCode == 0, "\(all.errors)")
    let lines = all.output.split(separator: "\n")
    #expect(lines.count == 20)
    #expect(lines.first?.hasPrefix(#"{"index":0,"file":"train/dark/0.png","class":0,"name":"dark","top":["#) == true)
    #expect(
      lines.last?.hasPrefix(#"{"index":19,"file":"train/light\nones/9.png","class":1,"name":"light\nones""#) == true)

    let files = try lockstep(
      "predict", "net.json", "--images", "train/dark/3.png", "--images", "train/light\nones", "--format", "csv")
    #expect(files.output.hasPrefix("index,file,class,name,probability\n0,train/dark/3.png,0,dark,0."))
    #expect(files.output.split(separator: "\n").count == 12)
    #expect(files.output.contains("\n1,train/light?ones/0.png,1,light?ones,0."))

    let pixels = [UInt8](repeating: 25, count: 16) + [UInt8](repeating: 225, count: 16)
    _ = try folder.write(
      zip([("x.npy", npy("|u1", [2, 4, 4], pixels), true), ("y.npy", npy("|u1", [2], [0, 1]), false)]), to: "x.npz")
    _ = try folder.write(npy("|u1", [2, 4, 4], pixels), to: "x.npy")
    _ = try folder.write(idx([2, 4, 4], pixels), to: "x.idx")
    let expected = try lockstep("predict", "net.json", "--images", "x.idx")
    #expect(expected.output.hasPrefix(#"{"index":0,"class":0,"name":"dark","probabilities":["#), "\(expected.errors)")
    for path in ["x.npz", "x.npz:x", "x.npy"] {
      #expect(try lockstep("predict", "net.json", "--images", path).output == expected.output, "\(path)")
    }
  }

  @Test(
    "what is not images is an error by name",
    arguments: [
      (["net.json"], 65, "is not an IDX file"), (["none.png"], 66, "none.png: cannot be opened"),
      (["train/dark/0.png", "net.json"], 64, "net.json: is one of 2 paths"), (["run"], 65, "run: "),
    ])
  func refused(paths: [String], code: Int32, words: String) throws {
    let result = try Executable.run(
      ["predict", "net.json", "--weights", "run/weights.safetensors"] + paths.flatMap { ["--images", $0] },
      folder: folder.path)
    #expect(result.exitCode == code)
    #expect(
      result.errors.contains(words) || words == "is not an IDX file" && result.errors.contains("IDX"),
      "\(result.errors)")
  }

  @Test("wrong values of flags are named")
  func flags() throws {
    let top = try lockstep("predict", "net.json", "--images", "train", "--top", "0")
    #expect(top.exitCode == 64 && top.errors.contains("--top: found 0; allowed: an integer from 1 to 65536"))
    let format = try lockstep("predict", "net.json", "--images", "train", "--format", "cvs")
    #expect(format.exitCode == 64 && format.errors.contains("--format: found cvs; allowed: jsonl, csv"))
  }
}
