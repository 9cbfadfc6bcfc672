import Diagnostics
import Glibc
import TestSupport
import Testing

@testable import Storage

/// Folders that are held open, and what may be asked about their files.
@Suite struct FolderHandleTests {
  @Test("all names in the folder are listed")
  func namesAreAllNames() throws {
    let folder = try TemporaryFolder()
    let wanted = (0..<300).map { "file-\($0)" }
    for name in wanted { _ = try folder.write("", to: name) }
    let handle = try #require(try FolderHandle.open(folder.path))
    #expect(try handle.names().sorted() == (wanted + [".", ".."]).sorted())
  }

  @Test("a missing file is not an error")
  func whatIsNotThereIsNotAnError() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("", to: "file")
    for path in ["\(folder.path)/none", file, "\(file)/below"] {
      #expect(try FolderHandle.open(path) == nil)
    }
    let handle = try #require(try FolderHandle.open(folder.path))
    #expect(try handle.file("file").exists() && !handle.file("none").exists())
    #expect(try !FilePlace(path: "\(file)/below").exists())
  }

  /// A link to itself stands for all that the system does not say.
  @Test("a folder that cannot be examined is an error")
  func whatTheSystemDoesNotTellIs() throws {
    let folder = try TemporaryFolder()
    let loop = "\(folder.path)/loop"
    #expect(symlink(loop, loop) == 0)
    let opened: UserError? = userError { _ = try FolderHandle.open(loop, category: .cannotWrite) }
    #expect(opened?.category == .cannotWrite)
    #expect(opened?.message == "the folder cannot be opened: Too many levels of symbolic links")
    let asked: UserError? = userError { _ = try FilePlace(path: loop).exists() }
    #expect(asked?.category == .inputMissing && asked?.subject == loop)
  }
}
