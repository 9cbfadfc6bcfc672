import Configuration
import Diagnostics
import Drafts
import Network
import Storage

extension CommandCall {
  /// Writes a configuration for the data of `--data`, or that in the folder itself; for the digits where there is none.
  func initialise() throws -> Int32 {
    let folder = invocation.configuration ?? "."
    let preset = try preset()
    let data = try invocation.value(.data) ?? (DataFinder.source(inFolder: folder) == nil ? nil : folder)
    let source = try data.map { (path) throws(UserError) in try DataFinder.source(at: path) } ?? .embeddedDigits
    if case .imageFolder(let folders) = source, let classes = PathText.resolved(folders.train),
      classes == PathText.resolved(folder)
    {
      throw UserError(
        .usage, folder, "holds the folders of the classes, so that runs written beside them would be taken for classes",
        hint: "lockstep init --data \(folder), in another folder")
    }
    let name = data.map { runName($0) } ?? source.formatName
    let file = folder == "." ? "\(name).json" : PathText.resolve("\(name).json", in: folder)
    guard try !FilePlace(path: file).exists() else {
      throw UserError(
        .usage, file, "is there already; init replaces nothing", hint: "rename it, or name another folder")
    }
    let draft = try ConfigurationDraft(source, name: name, preset: preset)
    try FolderHandle.make(folder)
    let text = draft.text { PathText.relative($0, to: folder) }
    try requireReadable(text, file: file, preset: preset)
    try AtomicFile.write(text, to: file)
    warn(draft.damaged.prefix(20).map { "damaged: \($0.subject): \($0.message)" })
    try print(DraftSummary(draft, data: data, file: file))
    return ExitCode.success
  }

  /// The configuration for data at a path, read as if it were in a file of the current folder.
  func draftedConfiguration(_ path: String) throws(UserError) -> RunConfiguration {
    let name = runName(path)
    let draft = try ConfigurationDraft(try DataFinder.source(at: path), name: name, preset: nil)
    return try ConfigurationReader.read(text: draft.text { $0 }, file: "\(name).json")
  }

  /// The net of `--preset`; `nil` without the flag.
  private func preset() throws(UserError) -> Preset? {
    guard let name = invocation.value(.preset) else { return nil }
    guard let preset = PresetRegistry.preset(named: name) else {
      let names = PresetRegistry.presets.map(\.name)
      throw UserError(
        .usage, Flag.preset.text, "found \(name); allowed: \(names.joined(separator: ", "))",
        hint: NearestName.suggestion(for: name, among: names).map { "the nearest is \($0)" })
    }
    return preset
  }

  /// Throws where the net of `--preset` cannot take the images.
  private func requireReadable(_ text: String, file: String, preset: Preset?) throws(UserError) {
    do throws(UserError) {
      _ = try ConfigurationReader.read(text: text, file: file)
    } catch {
      guard let preset else { throw error }
      throw UserError(
        .usage, Flag.preset.text, "\(preset.name) does not fit the images: \(error.message)",
        hint: "without \(Flag.preset.text) a net that fits is chosen")
    }
  }

  /// What the data at a path is called: the last name of the path, without the extension of a file.
  private func runName(_ path: String) -> String {
    let last = PathText.names(in: PathText.resolved(path) ?? path).last ?? "data"
    let stem = last.dropFirst().firstIndex(of: ".").map { last[..<$0] } ?? last[...]
    let plain = String(stem.prefix(100)).onOneLine
    return plain.isEmpty || plain == "." || plain == ".." ? "data" : plain
  }
}
