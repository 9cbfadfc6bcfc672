import Diagnostics
import Glibc

/// Zeroed memory of its own pages, so that a placement policy can move it page by page; freed with its last owner.
///
/// Pages are taken from the system as they are first written. Requires at least one element.
final class PageBuffer<Element: BitwiseCopyable> {
  let elements: UnsafeMutableBufferPointer<Element>
  private let mappedBytes: Int

  /// Throws `.systemRefused`, naming `subject` and the size, where the system has no address space left.
  init(count: Int, for subject: String) throws(UserError) {
    precondition(count > 0, "A page buffer holds at least one element.")
    let (bytes, overflow): (Int, Bool) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    guard !overflow,
      let start: UnsafeMutableRawPointer = mmap(
        nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      start != UnsafeMutableRawPointer(bitPattern: -1)
    else {
      throw UserError(
        .systemRefused, subject,
        "needs \(count) values of \(MemoryLayout<Element>.stride) bytes in memory; the system refused")
    }
    mappedBytes = bytes
    elements = UnsafeMutableBufferPointer(start: start.bindMemory(to: Element.self, capacity: count), count: count)
  }

  deinit { munmap(elements.baseAddress, mappedBytes) }

  var start: UnsafePointer<Element> {
    guard let start: UnsafeMutablePointer<Element> = elements.baseAddress else {
      preconditionFailure("A page buffer holds at least one element.")
    }
    return UnsafePointer(start)
  }

  /// Other memory with the same elements.
  func copy(for subject: String) throws(UserError) -> PageBuffer {
    let copy: PageBuffer = try PageBuffer(count: elements.count, for: subject)
    _ = copy.elements.update(fromContentsOf: elements)
    return copy
  }

  var bytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(elements) }
}
