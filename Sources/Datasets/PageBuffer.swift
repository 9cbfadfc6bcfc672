import Diagnostics
import Glibc
import Machine

/// Zeroed memory of its own pages, so that a placement policy can move it page by page; freed with its last owner.
///
/// Pages are taken from the system as they are first written, or are those of a file. Requires at least one element.
final class PageBuffer<Element: BitwiseCopyable> {
  private(set) var elements: UnsafeMutableBufferPointer<Element>
  /// What is mapped: the pages around the elements.
  private let mapping: UnsafeMutableRawBufferPointer
  /// Whether its pages are those of a file, which the system may drop and read again.
  let isFile: Bool
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
    mapping = UnsafeMutableRawBufferPointer(start: start, count: bytes)
    isFile = false
    elements = UnsafeMutableBufferPointer(start: start.bindMemory(to: Element.self, capacity: count), count: count)
  }

  /// Room for `count` elements; throws as `init(shape:for:)`.
  convenience init(count: Int, for subject: String) throws(UserError) { try self.init(shape: [count], for: subject) }

  /// The `count` elements of an open file from `offset`, a multiple of their alignment, on, which it has; if they are writable,
  /// what is written goes to the file.
  ///
  /// Throws `.systemRefused` where there are too few addresses.
  init(
    descriptor: Int32, offset: Int, count: Int, isWritable: Bool, for subject: String
  ) throws(UserError) {
    precondition(count > 0, "A page buffer holds at least one element.")
    precondition(offset % MemoryLayout<Element>.alignment == 0, "The elements of a file are aligned.")
    let before = offset % Self.pageBytes
    let bytes = before + count * MemoryLayout<Element>.stride
    isFile = true
    let protection = isWritable ? PROT_READ | PROT_WRITE : PROT_READ
    guard let start = mmap(nil, bytes, protection, MAP_SHARED, descriptor, off_t(offset - before)),
      start != UnsafeMutableRawPointer(bitPattern: -1)
    else {
      throw UserError(.systemRefused, subject, "cannot be mapped into memory, \(bytes) bytes; the system refused")
    }
    mapping = UnsafeMutableRawBufferPointer(start: start, count: bytes)
    elements = UnsafeMutableBufferPointer(
      start: (start + before).bindMemory(to: Element.self, capacity: count), count: count)
    expect(MADV_RANDOM)
  }

  /// The largest page that a file's place in memory is a multiple of.
  private static var pageBytes: Int { max(4096, sysconf(Int32(_SC_PAGESIZE))) }

  /// Asks the system to have some elements in memory soon, where they are those of a file; does not wait.
  func prefetch(_ range: Range<Int>) {
    guard isFile, let base = elements.baseAddress, let first = mapping.baseAddress else { return }
    let start = UnsafeMutableRawPointer(base + range.lowerBound) - first
    let end = UnsafeMutableRawPointer(base + range.upperBound) - first
    let page = start / 4096 * 4096
    madvise(first + page, end - page, MADV_WILLNEED)
  }

  /// What `body` returns, which reads all elements in order: of a file, the system reads ahead meanwhile. Otherwise examples are
  /// read in any order, and what lies after one is not read with it.
  func readingInOrder<Value>(_ body: () -> Value) -> Value {
    expect(MADV_SEQUENTIAL)
    defer { expect(MADV_RANDOM) }
    return body()
  }

  private func expect(_ order: Int32) {
    if isFile { madvise(mapping.baseAddress, mapping.count, order) }
  }

  deinit { munmap(mapping.baseAddress, mapping.count) }

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
