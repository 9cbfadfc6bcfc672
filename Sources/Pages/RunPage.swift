import Diagnostics
import Runs
import Storage

/// The page of one run or several, made from the files of their directories alone.
package enum RunPage {
  /// The name of the page in a run directory.
  package static let file = "report.html"
  /// A receipt is shown up to this size.
  private static let mostReceiptBytes = 1 << 18

  /// - Parameter folders: of the runs, in the order in which the page has them.
  /// - Throws: `UserError`: `.inputMissing` about a folder that is not a run's, `.badData` about a file of it that is damaged.
  package static func read(_ folders: [String]) throws(UserError) -> Page {
    var runs: [[JSONValue.Member]] = []
    for folder in folders { runs.append(try run(folder)) }
    var names = runs.map { JSONValue.object($0)["name"] ?? .null }
    // Runs of one configuration are told apart by their folders.
    if Set(names).count < names.count { names = folders.map { .string($0) } }
    let named = zip(runs, names).map { members, name in
      JSONValue.object(members.map { $0.key == "name" ? .init("name", name) : $0 })
    }
    return Page(runs: named)
  }

  private static func run(_ path: String) throws(UserError) -> [JSONValue.Member] {
    guard let folder = try FolderHandle.open(path) else {
      throw UserError(.inputMissing, path, "is not a folder; allowed: the directory of a run")
    }
    let config = folder.file("config.json")
    guard try config.exists() else {
      throw UserError(
        .inputMissing, path, "has no config.json; allowed: the directory of a run",
        hint: "lockstep train says where it writes")
    }
    let configuration = try object(config)
    let summary: JSONValue? = try folder.file("summary.json").exists() ? try object(folder.file("summary.json")) : nil
    var curves = RunCurves()
    if try folder.file("metrics.jsonl").exists() { try curves.add(file: folder.file("metrics.jsonl")) }
    var members: [JSONValue.Member] = [
      .init("name", configuration["name"] ?? .string(path)), .init("folder", .string(path)),
      .init(
        "state", .string(summary == nil ? "unfinished" : summary?["interrupted"] == nil ? "finished" : "interrupted")),
      .init("config", configuration), .init("summary", summary ?? .null), .init("curves", curves.json),
    ]
    let report = folder.file(RunFindings.file)
    if try report.exists() {
      let findings = try RunFindings(file: report).json
      // What an earlier run in this folder has left is not about these weights.
      if findings["weights_digest"] == summary?["weights_digest"] { members.append(.init("findings", findings)) }
    }
    let weights = folder.file("weights.safetensors")
    if try weights.exists(), let filters = try FilterPicture(weights: weights) {
      members.append(.init("filters", filters.json))
    }
    let receipt = folder.file("receipt.json")
    if try receipt.exists(), try ByteInput(receipt).length <= mostReceiptBytes {
      members.append(.init("receipt", try object(receipt)))
    }
    return members
  }

  private static func object(_ file: FilePlace) throws(UserError) -> JSONValue {
    let input = try ByteInput(file)
    var reader = JSONReader(
      try input.read(input.remaining), dialect: .json5, subject: .bytes(file: file.path, offset: 0))
    let value = try reader.value()
    guard case .object = value else {
      throw UserError(.badData, file.path, "found \(value.kindName); allowed: a JSON object")
    }
    return value
  }
}

extension Page {
  /// The page of runs that are described as `RunPage` does.
  package init(runs: [JSONValue]) {
    let names = runs.map { run in if case .string(let name)? = run["name"] { name } else { "run" } }
    self.init(title: names.joined(separator: ", ") + " – Lockstep", data: .object([.init("runs", .array(runs))]))
  }
}
