/// Addresses of consecutive buffers.
typealias PointerTable<T> = UnsafePointer<UnsafeMutablePointer<T>>

/// Hands out consecutive, 64-byte aligned buffers of one block of memory, or only measures where there is none yet.
struct BufferLayout {
  private let base: UnsafeMutableRawPointer?
  private(set) var byteCount = 0

  init(base: UnsafeMutableRawPointer?) {
    assert(UInt(bitPattern: base) % 64 == 0, "Buffers are cut from memory that is aligned to cache lines.")
    self.base = base
  }

  /// Whether buffers may be written, or are only measured.
  var hasMemory: Bool { base != nil }

  mutating func take<T>(_ count: Int, of type: T.Type) -> UnsafeMutablePointer<T> {
    assert(count >= 0 && MemoryLayout<T>.alignment <= 64, "A buffer cannot have \(count) \(type)s.")
    // While measuring, addresses start at a page that is never touched.
    let start = base ?? UnsafeMutableRawPointer(bitPattern: 4096)
    guard let start else { fatalError("An address cannot be formed.") }
    let pointer = (start + byteCount).bindMemory(to: T.self, capacity: count)
    byteCount += roundUp(count * MemoryLayout<T>.stride, to: 64)
    return pointer
  }

  /// Buffers of the given counts, and before them the table of their addresses.
  ///
  /// - Parameters:
  ///   - owners: the number of the buffer whose memory each one uses, which uses its own; `nil` if all do.
  ///   - places: offsets of buffers that lie in `block`.
  mutating func takeTable<T>(
    _ counts: [Int], owners: [Int]? = nil, places: [Int?]? = nil, in block: UnsafeMutablePointer<T>? = nil
  ) -> PointerTable<T> {
    let table = take(counts.count, of: UnsafeMutablePointer<T>.self)
    for (i, count) in counts.enumerated() where owners?[i] ?? i == i {
      let buffer: UnsafeMutablePointer<T>
      if let block, let offset = places?[i] { buffer = block + offset } else { buffer = take(count, of: T.self) }
      if base != nil { (table + i).initialize(to: buffer) }
    }
    guard base != nil, let owners else { return PointerTable(table) }
    for (i, owner) in owners.enumerated() where owner != i { (table + i).initialize(to: table[owner]) }
    return PointerTable(table)
  }
}
