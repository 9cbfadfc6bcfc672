import Testing

@testable import Storage

/// Slashes are bytes, whatever follows them.
@Suite struct PathTextTests {
  @Test(
    "folders and names are found",
    arguments: [
      ("a", ".", ["a"]), ("a/b", "a", ["a", "b"]), ("/a", "/", ["a"]), ("/", "/", []), ("/a//b/", "/a//b", ["a", "b"]),
      ("", ".", []), ("./a", ".", [".", "a"]), ("a/\u{301}b", "a", ["a", "\u{301}b"]), ("/\u{301}b", "/", ["\u{301}b"]),
    ])
  func foldersAndNames(path: String, folder: String, names: [String]) {
    #expect(PathText.folder(of: path) == folder)
    #expect(PathText.names(in: path) == names)
    #expect(PathText.isAbsolute(path) == path.utf8.starts(with: "/".utf8))
  }

  @Test("relative paths are resolved")
  func resolving() {
    #expect(PathText.resolve("a", in: "/") == "/a")
    #expect(PathText.resolve("a", in: "/b") == "/b/a")
    #expect(PathText.resolve("/a", in: "/b") == "/a")
    // Found by fuzzing: resolved twice, such a name moved one folder down.
    let once = PathText.resolve("\u{301}a", in: "/")
    #expect(PathText.resolve(once, in: "/") == once)
  }
}
