import Diagnostics
import Glibc
import TestSupport
import Testing

@testable import Storage

/// Folders that are held open, and what may be asked about their files.
@Suite struct FolderHandleTests {
  @Test func namesAreAllNames() throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let wanted: [String] = (0..<300).map { "file-\($0)" }
    for name: String in wanted { _ = try folder.write("", to: name) }
    let handle: FolderHandle = try #require(try FolderHandle.open(folder.path))
    #expect(try handle.names().sorted() == (wanted + [".", ".."]).sorted())
  }

  @Test func whatIsNotThereIsNotAnError() throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let file: String = try folder.write("", to: "file")
    for path: String in ["\(folder.path)/none", file, "\(file)/below"] {
      #expect(try FolderHandle.open(path) == nil)
    }
    let handle: FolderHandle = try #require(try FolderHandle.open(folder.path))
    #expect(try handle.file("file").exists() && !handle.file("none").exists())
    #expect(try !FilePlace(path: "\(file)/below").exists())
  }

  /// A link to itself stands for all that the system does not tell.
  @Test func whatTheSystemDoesNotTellIs() throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let loop: String = "\(folder.path)/loop"
    #expect(symlink(loop, loop) == 0)
    let opened: UserError? = userError { _ = try FolderHandle.open(loop, category: .cannotWrite) }
    #expect(opened?.category == .cannotWrite)
    #expect(opened?.message == "the folder cannot be opened: Too many levels of symbolic links")
    let asked: UserError? = userError { _ = try FilePlace(path: loop).exists() }
    #expect(asked?.category == .inputMissing && asked?.subject == loop)
  }
}
