import Glibc

extension PathText {
  /// The path of something that exists, as it is written in a file of another existing folder: relative, as `path` is, with
  /// `..` where it leads out of the folder; absolute if `path` is absolute, or nothing but the root is common to both.
  package static func relative(_ path: String, to folder: String) -> String {
    guard !isAbsolute(path), let from = resolved(folder), let parent = resolved(self.folder(of: path)) else {
      return path
    }
    let last = names(in: path).last ?? "."
    let isStep = last == "." || last == ".."
    guard let to = isStep ? resolved(path) : resolve(last, in: parent) else { return path }
    let (start, end) = (names(in: from), names(in: to))
    let common = zip(start, end).prefix { $0 == $1 }.count
    guard common > 0 || start.isEmpty else { return to }
    let steps = [String](repeating: "..", count: start.count - common) + end[common...]
    return steps.isEmpty ? "." : steps.joined(separator: "/")
  }

  /// The path without symbolic links, from the root on; `nil` for what is not there.
  package static func resolved(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
