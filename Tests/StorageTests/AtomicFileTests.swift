import Diagnostics
import Foundation
import TestSupport
import Testing

@testable import Storage

@Suite struct AtomicFileTests {
  private func mode(_ path: String) -> mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  @Test("a file is created, then replaced")
  func createsAndReplaces() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a")
    for content: [UInt8] in [[], [1, 2, 3], [UInt8](repeating: 7, count: 200_000), [9]] {
      try AtomicFile.write(content, to: path)
      #expect(try contents(ofFile: path) == content)
      #expect(try folder.names == ["a"])
    }
    try AtomicFile.write("grüße\n", to: path)
    #expect(try contents(ofFile: path) == Array("grüße\n".utf8))
  }

  @Test("the mode follows the umask")
  func modeFollowsTheUmask() throws {
    let folder = try TemporaryFolder()
    try AtomicFile.write([1], to: folder.file("a"))
    let mask = umask(0o022)
    umask(mask)
    #expect(mode(folder.file("a")) == 0o666 & ~mask)
  }

  @Test("relative paths are written")
  func relativePaths() throws {
    let name = ".lockstep-test-\(UUID().uuidString)"
    try AtomicFile.write([5], to: name)
    defer { unlink(name) }
    #expect(try contents(ofFile: name) == [5])
  }

  @Test("a failing body leaves only the old file")
  func aFailingBodyLeavesTheOldFileAndNoOther() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1], to: "a")
    let failure = UserError(.diverged, "body", "failed on purpose")
    let error = userError {
      try AtomicFile.write(to: path) { (file) throws(UserError) in
        try file.write([2, 3])
        throw failure
      }
    }
    #expect(error == failure)
    #expect(try contents(ofFile: path) == [1])
    #expect(try folder.names == ["a"])
  }

  @Test("a failing rename removes the temporary file")
  func aFailingRenameRemovesTheTemporaryFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("late")
    let error = userError {
      try AtomicFile.write(to: path) { (file) throws(UserError) in
        // The target turns into a folder meanwhile.
        mkdir(path, 0o777)
        try file.write([1])
      }
    }
    #expect(error?.category == .cannotWrite)
    #expect(error?.message == "cannot be replaced: Is a directory")
    #expect(try folder.names == ["late"])
  }

  @Test("targets that cannot be files are refused")
  func refusals() throws {
    let folder = try TemporaryFolder()
    let cases = [
      (folder.file("none/a"), "cannot be created: No such file or directory"),
      (try folder.write([], to: "file") + "/a", "cannot be created: Not a directory"),
      (folder.path, "is a folder; a file's path is needed"),
      ("/dev/null", "is not a regular file"),
    ]
    for (path, message) in cases {
      #expect(userError { try AtomicFile.write([1], to: path) } == UserError(.cannotWrite, path, message))
    }
  }

  /// A full device: not a stub, but the kernel's own.
  @Test("failed writes say why")
  func writesThatFailSayWhy() throws {
    let file = try OutputFile(place: FilePlace(path: "/dev/full"), flags: 0, name: "full")
    #expect(
      userError { try file.write([1]) } == UserError(.cannotWrite, "full", "cannot be written: No space left on device")
    )
    try file.write([])
  }

  @Test("symbolic links stay")
  func symbolicLinksStay() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write([1], to: "target")
    symlink("target", folder.file("link"))
    try AtomicFile.write([2], to: folder.file("link"))
    #expect(try contents(ofFile: folder.file("target")) == [2])
    #expect(try folder.names == ["link", "target"])
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("link")) == "target")
  }

  @Test("concurrent writers leave one whole file")
  func concurrentWritersLeaveOneWholeFile() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer: UInt8 in 0..<8 {
        group.addTask {
          for _ in 0..<10 { try AtomicFile.write([UInt8](repeating: writer, count: 5000), to: path) }
        }
      }
      try await group.waitForAll()
    }
    let final = try contents(ofFile: path)
    #expect(final.count == 5000 && Set(final).count == 1)
    #expect(try folder.names == ["a"])
  }
}
