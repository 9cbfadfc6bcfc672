import CNUMA
import Diagnostics
import Glibc

/// Where the pages of a stretch of memory lie, as the kernel tells.
package struct PageReport: Sendable, Hashable {
  /// Pages per node number.
  package private(set) var pagesOfNode: [Int: Int] = [:]
  /// Pages that nobody has touched yet.
  package private(set) var absentPages: Int = 0
  /// Pages that the kernel says nothing about.
  package private(set) var unknownPages: Int = 0

  package init() {}

  package var presentPages: Int { pagesOfNode.values.reduce(0, +) }

  /// Counts the pages that begin in `bytes`, so that neighbouring stretches share none; otherwise as the other.
  package init(pagesBeginningIn bytes: UnsafeRawBufferPointer) throws(UserError) {
    let pages: Range<UInt> = MemoryPolicy.pages(beginningIn: bytes)
    guard let start = UnsafeRawPointer(bitPattern: pages.lowerBound), !pages.isEmpty else {
      self.init()
      return
    }
    try self.init(start: start, byteCount: pages.count)
  }

  /// Counts the pages of `byteCount` bytes from `start`, moving none.
  ///
  /// - Throws: `UserError` (71) where the system does not tell.
  package init(start: UnsafeRawPointer, byteCount: Int) throws(UserError) {
    guard byteCount > 0 else { return }
    let pageBytes: Int = NodeBuffer.pageBytes
    let first: UInt = UInt(bitPattern: start) / UInt(pageBytes)
    let last: UInt = (UInt(bitPattern: start) + UInt(byteCount) - 1) / UInt(pageBytes)
    var next: UInt = first
    while next <= last {
      let count: Int = min(4_096, Int(last - next) + 1)
      var pages: [UnsafeMutableRawPointer?] = (0..<count).map {
        UnsafeMutableRawPointer(bitPattern: (next + UInt($0)) * UInt(pageBytes))
      }
      var status: [Int32] = [Int32](repeating: 0, count: count)
      guard move_pages(0, UInt(count), &pages, nil, &status, 0) == 0 else {
        throw UserError(.systemRefused, "move_pages", "the system does not tell where pages lie: \(reason(errno)).")
      }
      for value in status { record(value) }
      next += UInt(count)
    }
  }

  /// `status` is a node number, or an error of `move_pages(2)` as a negative number.
  private mutating func record(_ status: Int32) {
    if status >= 0 {
      pagesOfNode[Int(status), default: 0] += 1
    } else if status == -ENOENT || status == -EFAULT {
      // EFAULT stands for the kernel's page of zeros, too: read, but never written.
      absentPages += 1
    } else {
      unknownPages += 1
    }
  }
}
