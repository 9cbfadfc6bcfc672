import CNUMA
import Diagnostics
import Glibc

/// Page-aligned memory of its own, to be placed on one NUMA node, freed with its owner.
///
/// The memory is zero and has no place yet: the first thread to touch a page decides, or the preferred node does. A page
/// without access rights lies on either side, so that the kernel accounts for this memory separately.
/// `@unchecked Sendable` is safe because the owner is unique and only hands out the address; which thread writes what
/// between which barriers is up to its users.
package struct NodeBuffer: ~Copyable, @unchecked Sendable {
  /// Buffers of at least this size are aligned to it and ask for huge pages or, if these are not wanted, refuse them.
  package static let hugePageBytes: Int = 2 << 20
  package static let pageBytes: Int = max(4_096, sysconf(Int32(_SC_PAGESIZE)))

  /// Aligned to `pageBytes` or, from `hugePageBytes` on, to that.
  package let pointer: UnsafeMutableRawPointer
  package let byteCount: Int
  /// Whether the system refused to prefer the node, as containers may; the first touch decides then.
  package let placementRefused: Bool
  private let mappedBytes: Int

  /// `byteCount` zero bytes; `node` is preferred, not enforced, and `purpose` names the memory in errors.
  ///
  /// - Throws: `UserError` (71) if the system does not have that much.
  /// - Precondition: `byteCount` ≥ 0.
  package init(
    byteCount: Int, node: Int? = nil, hugePages: Bool = true, purpose: String = "a buffer"
  ) throws(UserError) {
    precondition(byteCount >= 0, "A buffer cannot hold \(byteCount) bytes.")
    let isHuge = hugePages && byteCount >= Self.hugePageBytes
    let (mappedBytes, overflow): (Int, Bool) = max(1, byteCount).addingReportingOverflow(Self.pageBytes - 1)
    let wholePages = mappedBytes / Self.pageBytes * Self.pageBytes
    guard !overflow, wholePages <= Int.max - Self.hugePageBytes - 2 * Self.pageBytes,
      let pointer = Self.map(wholePages, alignment: isHuge ? Self.hugePageBytes : Self.pageBytes)
    else { throw Self.refusal(byteCount, purpose) }
    assert(
      Int(bitPattern: pointer) % (isHuge ? Self.hugePageBytes : Self.pageBytes) == 0 && wholePages >= byteCount,
      "A buffer is whole pages.")
    self.pointer = pointer
    self.byteCount = byteCount
    self.mappedBytes = wholePages
    placementRefused =
      node.map { !MemoryPolicy.prefer(node: $0, UnsafeRawBufferPointer(start: pointer, count: wholePages)) } ?? false
    if byteCount >= Self.hugePageBytes {
      _ = madvise(pointer, wholePages, hugePages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE)
    }
  }

  deinit { munmap(pointer - Self.pageBytes, mappedBytes + 2 * Self.pageBytes) }

  /// All of the buffer.
  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: pointer, count: byteCount) }

  /// Reserves more than asked, returns all except the aligned part and a page on either side, and opens that part.
  private static func map(_ bytes: Int, alignment: Int) -> UnsafeMutableRawPointer? {
    let reserved = bytes + alignment + pageBytes
    guard let start = mmap(nil, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      start != MAP_FAILED
    else { return nil }
    let aligned = (start + pageBytes).alignedUp(toMultipleOf: alignment)
    let before = start.distance(to: aligned) - pageBytes
    let after = reserved - before - bytes - 2 * pageBytes
    if before > 0 { munmap(start, before) }
    if after > 0 { munmap(aligned + bytes + pageBytes, after) }
    guard mprotect(aligned, bytes, PROT_READ | PROT_WRITE) == 0 else {
      let code = errno
      munmap(aligned - pageBytes, bytes + 2 * pageBytes)
      errno = code
      return nil
    }
    return aligned
  }

  private static func refusal(_ byteCount: Int, _ purpose: String) -> UserError {
    let pages = byteCount / pageBytes + (byteCount % pageBytes == 0 ? 0 : 1)
    return UserError(
      .systemRefused, "memory",
      "\(byteCount) bytes for \(purpose) (\(byteCount >> 20) MiB, \(pages) pages of \(pageBytes)) were refused: "
        + "\(reason(errno)).", hint: "Use fewer workers, a smaller `runtime.shard_size`, or a smaller network.")
  }
}
