/// Paths cut at their slashes as the system does, byte by byte.
///
/// Why not by characters: to Swift, a slash followed by a combining accent is a different character from a slash.
package enum PathText {
  private static let slash = UInt8(ascii: "/")

  package static func isAbsolute(_ path: String) -> Bool { path.utf8.first == slash }

  /// The folder that holds `path`: `.` for a bare name, `/` for a file at the root.
  package static func folder(of path: String) -> String {
    guard let last = path.utf8.lastIndex(of: slash) else { return "." }
    return last == path.startIndex ? "/" : String(path[..<last])
  }

  /// The names between the slashes, empty ones left out.
  package static func names(in path: String) -> [String] {
    path.utf8.split(separator: slash).map { String(Substring($0)) }
  }

  /// `path` if it is absolute, else its place below `folder`.
  package static func resolve(_ path: String, in folder: String) -> String {
    isAbsolute(path) ? path : folder == "/" ? "/" + path : "\(folder)/\(path)"
  }
}
