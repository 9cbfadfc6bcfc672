import CNUMA
import Diagnostics
import Glibc

/// Page-aligned memory of its own, asked to lie on one NUMA node, freed with its owner.
///
/// The memory is zero and has no place yet: the first thread to touch a page decides, or the preferred node does.
/// `@unchecked Sendable` is safe because the owner is unique and only hands out the address; who writes what between
/// which barriers is the users' contract.
package struct NodeBuffer: ~Copyable, @unchecked Sendable {
  /// Buffers from this size on are aligned to it and ask for huge pages.
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
    guard !overflow, wholePages <= Int.max - Self.hugePageBytes,
      let pointer = Self.map(wholePages, alignment: isHuge ? Self.hugePageBytes : Self.pageBytes)
    else { throw Self.refusal(byteCount, purpose) }
    self.pointer = pointer
    self.byteCount = byteCount
    self.mappedBytes = wholePages
    placementRefused = node.map { !Self.prefer(node: $0, pointer, wholePages) } ?? false
    if isHuge { _ = madvise(pointer, wholePages, MADV_HUGEPAGE) }
  }

  deinit { munmap(pointer, mappedBytes) }

  /// Maps more than asked and gives back what lies before and after the aligned part.
  private static func map(_ bytes: Int, alignment: Int) -> UnsafeMutableRawPointer? {
    let slack: Int = alignment - pageBytes
    guard
      let start = mmap(nil, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      start != MAP_FAILED
    else { return nil }
    let aligned = start.alignedUp(toMultipleOf: alignment)
    let before: Int = start.distance(to: aligned)
    if before > 0 { munmap(start, before) }
    if slack > before { munmap(aligned + bytes, slack - before) }
    return aligned
  }

  private static func prefer(node: Int, _ pointer: UnsafeMutableRawPointer, _ bytes: Int) -> Bool {
    let bitsPerWord: Int = UInt.bitWidth
    var mask: [UInt] = [UInt](repeating: 0, count: node / bitsPerWord + 1)
    mask[node / bitsPerWord] = 1 << UInt(node % bitsPerWord)
    // The kernel takes the mask's length in bits plus one.
    return mbind(pointer, UInt(bytes), MPOL_PREFERRED, mask, UInt(mask.count * bitsPerWord + 1), 0) == 0
  }

  private static func refusal(_ byteCount: Int, _ purpose: String) -> UserError {
    let pages: Int = byteCount / pageBytes + (byteCount % pageBytes == 0 ? 0 : 1)
    return UserError(
      .systemRefused, "memory",
      "\(byteCount) bytes for \(purpose) (\(byteCount >> 20) MiB, \(pages) pages of \(pageBytes)) were refused: "
        + "\(reason(errno)).", hint: "Use fewer workers, a smaller `runtime.shard_size`, or a smaller network.")
  }
}
