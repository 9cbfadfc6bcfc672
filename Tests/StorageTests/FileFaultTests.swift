import Diagnostics
import Glibc
import TestSupport
import Testing

@testable import Storage

/// Files on a device that fails, at every system call that writes them.
@Suite struct FileFaultTests {
  /// Counts calls and fails the one with number `failing`.
  final class Faults: @unchecked Sendable {
    // Used by one task alone.
    private(set) var calls: [FileCall] = []
    let failing: Int?
    let number: Int32
    init(failing: Int?, number: Int32 = ENOSPC) {
      self.failing = failing
      self.number = number
    }
    func ask(_ call: FileCall) -> Int32? {
      calls.append(call)
      return calls.count - 1 == failing ? number : nil
    }
    func run<Result>(_ body: () throws -> Result) rethrows -> Result {
      try FileFaults { self.ask($0) }.run(body)
    }
  }

  private static let old = [NamedTensor(name: "a", shape: [2], values: [1, 2])]
  private static let new = [
    NamedTensor(name: "a", shape: [2], values: [3, 4]), NamedTensor(name: "b", shape: [0], values: []),
    NamedTensor(name: "c", shape: [40_000], values: [Float](repeating: 5, count: 40_000)),
  ]

  @Test("whatever call fails, the old file stays", arguments: [ENOSPC, EIO, EDQUOT, EROFS])
  func whicheverCallFailsTheOldFileStays(number: Int32) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("w")
    let whole = Faults(failing: nil)
    try whole.run { try Safetensors.write(Self.new, metadata: [:], to: path, verified: true) }
    #expect(Set(whole.calls) == Set(FileCall.allCases))
    for (index, call) in whole.calls.enumerated() {
      try Safetensors.write(Self.old, metadata: [:], to: path)
      let faults = Faults(failing: index, number: number)
      let error = userError {
        try faults.run { try Safetensors.write(Self.new, metadata: [:], to: path, verified: true) }
      }
      #expect(faults.calls.count == index + 1, "no call follows a failed \(call)")
      #expect(error?.category == .cannotWrite && error?.subject == path, "\(call)")
      #expect(error?.message.contains(String(cString: strerror(number))) == true, "\(call): \(error?.message ?? "")")
      // After the rename the new file is in place; before, the old one.
      let isInPlace = [.openFolder, .synchronizeFolder].contains(call)
      #expect(try Safetensors.read(path).tensors == (isInPlace ? Self.new : Self.old), "\(call)")
      #expect(try folder.names == ["w"], "\(call) leaves no other file")
    }
  }

  @Test("a device that returns other bytes is noticed")
  func aDeviceThatLiesIsFoundOut() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1], to: "a")
    var isSecond = false
    let error = userError {
      try AtomicFile.write(to: path, verified: true) { (file) throws(UserError) in
        // The comparison meets other bytes than the first pass wrote.
        try file.write(isSecond ? [7, 8, 9] : [7, 8, 8])
        isSecond = true
      }
    }
    #expect(error == UserError(.cannotWrite, path, "reads back as different bytes than were written"))
    #expect(try contents(ofFile: path) == [1])
    isSecond = false
    let longer = userError {
      try AtomicFile.write(to: path, verified: true) { (file) throws(UserError) in
        try file.write(isSecond ? [7] : [7, 8])
        isSecond = true
      }
    }
    #expect(longer?.message == "was written with 1 bytes, but reads back as 2")
    #expect(try folder.names == ["a"])
  }

  @Test("the first lines are kept")
  func firstLinesAreKept() throws {
    let folder = try TemporaryFolder()
    for (limit, kept, text) in [(0, 0, ""), (1, 1, "a\n"), (2, 2, "a\nbb\n"), (3, 2, "a\nbb\n")] {
      let path = try folder.write(Array("a\nbb\ntorn".utf8), to: "m")
      let file = try LineFile(path: path, start: .keepingFirst(limit))
      #expect(file.keptLineCount == kept)
      #expect(try contents(ofFile: path) == Array(text.utf8))
      try file.append("next")
      #expect(try contents(ofFile: path) == Array((text + "next\n").utf8))
    }
    #expect(try LineFile(path: folder.file("none"), start: .keepingFirst(3)).keptLineCount == 0)
  }
}
