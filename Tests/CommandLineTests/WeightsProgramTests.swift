import Foundation
import Storage
import TestSupport
import Testing

/// Weights that are damaged, of other programs, or larger than any memory.
@Suite struct WeightsProgramTests {
  private let folder: TemporaryFolder
  private let file: String

  init() throws {
    folder = try TemporaryFolder()
    file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let trained = try Executable.run(["train", file, "--quiet", "--output", "w"], folder: folder.path)
    #expect(trained.exitCode == 0, "\(trained.errors)")
  }

  private func evaluate(_ weights: String) throws -> ProcessResult {
    try Executable.run(["evaluate", file, "--weights", weights], folder: folder.path)
  }

  @Test("a flipped bit gives 65", arguments: ["weights", "checkpoint-00000006"])
  func aFlippedBitIs65(name: String) throws {
    let whole = try contents(ofFile: "\(folder.path)/w/\(name).safetensors")
    #expect(try evaluate("w/\(name).safetensors").errors == "")
    for back in [1, 17, 70, 130] {
      var damaged = whole
      damaged[whole.count - back] ^= 4
      let result = try evaluate(try folder.write(damaged, to: "d.safetensors"))
      #expect(result.exitCode == 65, "byte \(back) from the end")
      #expect(result.errors.contains("d.safetensors: is damaged: its "), "\(result.errors)")
    }
    let train = try Executable.run(
      ["train", file, "--weights", "\(folder.path)/d.safetensors"], folder: folder.path)
    #expect(train.exitCode == 65)
  }

  @Test("weights without a digest are accepted with a warning")
  func weightsWithoutADigestAreTakenAndSaidToBeUnchecked() throws {
    let own = try Safetensors.read("\(folder.path)/w/weights.safetensors")
    try Safetensors.write(own.tensors, metadata: ["format": "pt"], to: "\(folder.path)/other.safetensors")
    let result = try evaluate("other.safetensors")
    #expect(result.exitCode == 0)
    #expect(
      result.errors
        == "lockstep: warning: other.safetensors has no digest from this program, so damage to its values would not "
        + "be found\n")
    #expect(try result.output == evaluate("w/weights.safetensors").output)
  }

  /// A terabyte that takes no room on the disk: what its header says is enough to refuse it.
  @Test("a terabyte of weights is refused by its header", arguments: ["--weights", "--resume", "checkpoint"])
  func aTerabyteIsRefusedByItsHeader(by way: String) throws {
    let (floats, bytes): (Int, Int) = (1 << 38, 1 << 40)
    let metadata = "\"__metadata__\":{\"format\":\"lockstep-checkpoint\",\"format_version\":\"1\"}"
    let tensor = "{\"dtype\":\"F32\",\"shape\":[\(floats)],\"data_offsets\":[0,\(bytes)]}"
    let header: [UInt8] = Array("{\(metadata),\"dense_1.weight\":\(tensor)}".utf8)
    let prefix: [UInt8] = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    let path = try folder.write(
      prefix + header, to: way == "checkpoint" ? "w/checkpoint-00000009.safetensors" : "huge.safetensors")
    guard truncate(path, off_t(prefix.count + header.count + bytes)) == 0 else { return }
    unlink("\(folder.path)/w/summary.json")
    let arguments: [String] = way == "checkpoint" ? ["--output", "w"] : [way, "huge.safetensors"]
    let result = try Executable.run(["train", file, "--quiet"] + arguments, folder: folder.path)
    if way == "checkpoint" {
      #expect(
        result.exitCode == 0 && result.errors.contains("holds 1099511627776 bytes of tensors"), "\(result.errors)")
    } else {
      #expect(result.exitCode == 65, "\(result.errors)")
      #expect(result.errors.hasPrefix("lockstep: huge.safetensors: "), "\(result.errors)")
    }
  }
}
