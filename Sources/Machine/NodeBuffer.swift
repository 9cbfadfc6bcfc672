import CNUMA
import Diagnostics
import Glibc

/// Page-aligned memory of its own, asked to lie on one NUMA node, freed with its owner.
///
/// The memory is zero and has no place yet: the first thread to touch a page decides, or the preferred node does. A page
/// that nobody may touch lies on either side, so that the kernel keeps an account of this memory alone.
/// `@unchecked Sendable` is safe because the owner is unique and only hands out the address; who writes what between
/// which barriers is the users' contract.
package struct NodeBuffer: ~Copyable, @unchecked Sendable {
  /// Buffers from this size on are aligned to it and ask for huge pages, or where they are not wanted refuse them.
  package static let hugePageBytes: Int = 2 << 20
  package static let pageBytes: Int = max(4_096, sysconf(Int32(_SC_PAGESIZE)))

  /// Aligned to `pageBytes`, from `hugePageBytes` on to that.
  package let pointer: UnsafeMutableRawPointer
  package let byteCount: Int
  /// Whether the system refused to prefer the node, as containers may; the first touch decides then.
  package let placementRefused: Bool
  private let mappedBytes: Int

  /// `byteCount` zero bytes; `node` is preferred, not enforced, and `purpose` names the memory in errors.
  ///
  /// - Throws: `UserError` (71) where the system has not that much.
  /// - Precondition: `byteCount` ≥ 0.
  package init(
    byteCount: Int, node: Int? = nil, hugePages: Bool = true, purpose: String = "a buffer"
  ) throws(UserError) {
    precondition(byteCount >= 0, "A buffer cannot hold \(byteCount) bytes.")
    let isHuge: Bool = hugePages && byteCount >= Self.hugePageBytes
    let (mappedBytes, overflow): (Int, Bool) = max(1, byteCount).addingReportingOverflow(Self.pageBytes - 1)
    let wholePages: Int = mappedBytes / Self.pageBytes * Self.pageBytes
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

  /// Reserves more than asked, gives back all but the aligned part and a page on either side, and opens that part.
  private static func map(_ bytes: Int, alignment: Int) -> UnsafeMutableRawPointer? {
    let reserved: Int = bytes + alignment + pageBytes
    guard let start = mmap(nil, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      start != MAP_FAILED
    else { return nil }
    let aligned = (start + pageBytes).alignedUp(toMultipleOf: alignment)
    let before: Int = start.distance(to: aligned) - pageBytes
    let after: Int = reserved - before - bytes - 2 * pageBytes
    if before > 0 { munmap(start, before) }
    if after > 0 { munmap(aligned + bytes + pageBytes, after) }
    guard mprotect(aligned, bytes, PROT_READ | PROT_WRITE) == 0 else {
      let code: Int32 = errno
      munmap(aligned - pageBytes, bytes + 2 * pageBytes)
      errno = code
      return nil
    }
    return aligned
  }

  private static func refusal(_ byteCount: Int, _ purpose: String) -> UserError {
    let pages: Int = byteCount / pageBytes + (byteCount % pageBytes == 0 ? 0 : 1)
    return UserError(
      .systemRefused, "memory",
      "\(byteCount) bytes for \(purpose) (\(byteCount >> 20) MiB, \(pages) pages of \(pageBytes)) were refused: "
        + "\(reason(errno)).", hint: "Use fewer workers, a smaller `runtime.shard_size`, or a smaller network.")
  }
}
