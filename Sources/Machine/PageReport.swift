import CNUMA
import Diagnostics
import Glibc

/// Where the pages of a range of memory are, according to the kernel.
package struct PageReport: Sendable, Hashable {
  /// Pages per node number.
  package private(set) var pagesOfNode: [Int: Int] = [:]
  /// Pages that were never touched.
  package private(set) var absentPages: Int = 0
  /// Pages that the kernel says nothing about.
  package private(set) var unknownPages: Int = 0

  package init() {}

  package var presentPages: Int { pagesOfNode.values.reduce(0, +) }

  /// Counts the pages that begin in `bytes`, so that neighbouring stretches share none; otherwise as the other.
  package init(pagesBeginningIn bytes: UnsafeRawBufferPointer) throws(UserError) {
    let pages = MemoryPolicy.pages(beginningIn: bytes)
    guard let start = UnsafeRawPointer(bitPattern: pages.lowerBound), !pages.isEmpty else {
      self.init()
      return
    }
    try self.init(start: start, byteCount: pages.count)
  }

  /// Counts the pages of `byteCount` bytes from `start`, moving none.
  ///
  /// - Throws: `UserError` (71) if the system does not say.
  package init(start: UnsafeRawPointer, byteCount: Int) throws(UserError) {
    guard byteCount > 0 else { return }
    let pageBytes = NodeBuffer.pageBytes
    let first = UInt(bitPattern: start) / UInt(pageBytes)
    let last: UInt = (UInt(bitPattern: start) + UInt(byteCount) - 1) / UInt(pageBytes)
    var next = first
    while next <= last {
      let count = min(4_096, Int(last - next) + 1)
      var pages: [UnsafeMutableRawPointer?] = (0..<count).map {
        UnsafeMutableRawPointer(bitPattern: (next + UInt($0)) * UInt(pageBytes))
      }
      var status = [Int32](repeating: 0, count: count)
      guard move_pages(0, UInt(count), &pages, nil, &status, 0) == 0 else {
        throw UserError(.systemRefused, "move_pages", "the system does not say where pages are: \(reason(errno)).")
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
      // EFAULT also stands for the kernel's page of zeros: read, but never written.
      absentPages += 1
    } else {
      unknownPages += 1
    }
  }
}
