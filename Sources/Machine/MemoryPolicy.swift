import CNUMA

/// Asks the kernel to place pages on nodes. It may refuse, as in containers: then the first touch decides.
package enum MemoryPolicy {
  /// Prefers `node` for pages of `bytes` that are touched from now on, and with `moves` for those that are there already.
  ///
  /// A page counts where it begins: pages that begin in `bytes` are meant, so that neighbouring ranges share none.
  /// Returns whether the system agreed.
  package static func prefer(node: Int, _ bytes: UnsafeRawBufferPointer, moves: Bool = false) -> Bool {
    bind(bytes, MPOL_PREFERRED, nodes: [node], moves: moves)
  }

  /// Spreads pages of `bytes` over `nodes` in turn, those that are there already too; otherwise as `prefer`.
  package static func interleave(nodes: [Int], _ bytes: UnsafeRawBufferPointer) -> Bool {
    bind(bytes, MPOL_INTERLEAVE, nodes: nodes, moves: true)
  }

  private static func bind(_ bytes: UnsafeRawBufferPointer, _ policy: Int32, nodes: [Int], moves: Bool) -> Bool {
    let pages = pages(beginningIn: bytes)
    guard let start = UnsafeMutableRawPointer(bitPattern: pages.lowerBound), !pages.isEmpty else { return true }
    let bitsPerWord = UInt.bitWidth
    var mask = [UInt](repeating: 0, count: (nodes.max() ?? 0) / bitsPerWord + 1)
    for node in nodes { mask[node / bitsPerWord] |= 1 << UInt(node % bitsPerWord) }
    // The kernel takes the mask's length in bits plus one.
    return mbind(
      start, UInt(pages.count), policy, mask, UInt(mask.count * bitsPerWord + 1), moves ? UInt32(MPOL_MF_MOVE) : 0)
      == 0
  }

  /// The addresses of the pages that begin in `bytes`.
  static func pages(beginningIn bytes: UnsafeRawBufferPointer) -> Range<UInt> {
    let page = UInt(NodeBuffer.pageBytes)
    let start = UInt(bitPattern: bytes.baseAddress)
    func up(_ address: UInt) -> UInt { (address + page - 1) / page * page }
    return up(start)..<up(start + UInt(bytes.count))
  }
}
