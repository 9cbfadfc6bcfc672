import Diagnostics
import Glibc
import Machine
import Storage
import TestSupport
import Testing

@testable import Runs

/// The lock for file systems that cannot lock.
@Suite struct OwnerFileTests {
  private func write(_ identity: ProcessIdentity, _ folder: TemporaryFolder) throws {
    _ = try folder.write(Array(OwnerFile.text(identity).utf8), to: OwnerFile.name)
  }

  private func take(_ folder: TemporaryFolder) throws -> OwnerFile {
    try OwnerFile.take(try #require(try FolderHandle.open(folder.path)))
  }

  @Test("an owner file's text reads back")
  func itsTextIsReadBack() {
    for start: Int? in [nil, 0, 4711] {
      let identity = ProcessIdentity(host: "a b", boot: "", process: 12, start: start)
      #expect(OwnerFile.identity(OwnerFile.text(identity)) == identity)
    }
    for text in ["", "a\nb\n12", "a\nb\nc\n\n", "a\nb\n-1\n\n"] { #expect(OwnerFile.identity(text) == nil) }
    #expect(!ProcessIdentity.current().hasEnded)
    #expect(ProcessIdentity.current().start != nil && !ProcessIdentity.current().boot.isEmpty)
  }

  @Test("one owner at a time")
  func oneOwnerAtATime() throws {
    let folder = try TemporaryFolder()
    let owner = try take(folder)
    let error = userError { _ = try take(folder) }
    #expect(error?.category == .cannotWrite && error?.message.contains("process \(getpid()) on ") == true)
    owner.remove()
    try take(folder).remove()
    #expect(try folder.names == [])
  }

  /// A number that another process has now, a machine that was started again: the owner has ended.
  @Test("a folder whose owner has ended is taken over")
  func whatTheDeadHeldIsTaken() throws {
    var (late, rebooted, gone) = (ProcessIdentity.current(), ProcessIdentity.current(), ProcessIdentity.current())
    late.start = 1
    rebooted.boot = "another"
    gone.process = 1 << 22 + 1
    for identity in [late, rebooted, gone] {
      let folder = try TemporaryFolder()
      try write(identity, folder)
      try take(folder).remove()
      #expect(try folder.names == [])
    }
  }

  @Test("an owner on another host is never taken for dead")
  func ofAnotherHostNothingIsKnown() throws {
    let folder = try TemporaryFolder()
    var other = ProcessIdentity.current()
    (other.host, other.process) = ("elsewhere", 1 << 22 + 1)
    try write(other, folder)
    let error = userError { _ = try take(folder) }
    #expect(error?.category == .cannotWrite && error?.message.contains("on elsewhere holds it") == true)
    #expect(error?.hint?.contains("remove the file") == true)
    _ = try folder.write([], to: OwnerFile.name)
    #expect(userError { _ = try take(folder) }?.category == .cannotWrite, "its owner may be about to write it")
  }

  @Test("only one process takes over")
  func oneTakesOver() throws {
    let folder = try TemporaryFolder()
    var gone = ProcessIdentity.current()
    gone.process = 1 << 22 + 1
    try write(gone, folder)
    _ = try folder.write([], to: ".lockstep-owner-takeover")
    #expect(userError { _ = try take(folder) }?.category == .cannotWrite)
    #expect(try folder.names == [".lockstep-owner", ".lockstep-owner-takeover"], "and the other one is not disturbed")
  }
}
