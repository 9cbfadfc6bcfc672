import Diagnostics
import Glibc
import Machine

/// Zeroed memory of its own pages, so that a placement policy can move it page by page; freed with its last owner.
///
/// Pages are taken from the system as they are first written. Requires at least one element.
final class PageBuffer<Element: BitwiseCopyable> {
  private(set) var elements: UnsafeMutableBufferPointer<Element>
  private let mappedBytes: Int
  /// Below this size, available memory is not checked.
  private static var uncheckedBytes: Int { 16 << 20 }

  /// Room for as many elements as the product of `shape` says.
  ///
  /// Throws `.systemRefused`, naming `subject` and the sum, where that is more than `available` memory or address space.
  init(
    shape: [Int], for subject: String, available: @autoclosure () -> AvailableMemory? = AvailableMemory.read()
  ) throws(UserError) {
    let stride = MemoryLayout<Element>.stride
    let sum = "\(shape.map(String.init).joined(separator: "×")) values of \(stride) bytes"
    var bytes = stride
    for size in shape {
      precondition(size > 0, "A page buffer holds at least one element.")
      let (product, overflow): (Int, Bool) = bytes.multipliedReportingOverflow(by: size)
      guard !overflow else {
        throw UserError(.systemRefused, subject, "needs \(sum) in memory, more than can be addressed")
      }
      bytes = product
    }
    if bytes > Self.uncheckedBytes, let limit = available(), bytes > limit.bytes {
      throw UserError(
        .systemRefused, subject,
        "needs \(sum) in memory, \(bytes) bytes, but \(limit.bytes) are available (\(limit.source))")
    }
    let count = bytes / stride
    guard
      let start = mmap(
        nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      start != UnsafeMutableRawPointer(bitPattern: -1)
    else {
      throw UserError(.systemRefused, subject, "needs \(sum) in memory, \(bytes) bytes; the system refused")
    }
    assert(UInt(bitPattern: start) % 4096 == 0, "A page buffer starts with a page.")
    mappedBytes = bytes
    elements = UnsafeMutableBufferPointer(start: start.bindMemory(to: Element.self, capacity: count), count: count)
  }

  /// Room for `count` elements; throws as `init(shape:for:)`.
  convenience init(count: Int, for subject: String) throws(UserError) { try self.init(shape: [count], for: subject) }

  deinit { munmap(elements.baseAddress, mappedBytes) }

  /// Leaves the first `count` elements, at least one; their memory stays.
  func shorten(to count: Int) {
    precondition((1...elements.count).contains(count), "A page buffer holds at least one element.")
    elements = UnsafeMutableBufferPointer(rebasing: elements[..<count])
  }

  var start: UnsafePointer<Element> {
    guard let start = elements.baseAddress else {
      preconditionFailure("A page buffer holds at least one element.")
    }
    return UnsafePointer(start)
  }

  /// Other memory with the same elements.
  func copy(for subject: String) throws(UserError) -> PageBuffer {
    let copy = try PageBuffer(count: elements.count, for: subject)
    _ = copy.elements.update(fromContentsOf: elements)
    return copy
  }

  var bytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(elements) }
}
