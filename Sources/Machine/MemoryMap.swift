/// The mappings of this process: how much of each is in memory, and how much of that in huge pages.
package struct MemoryMap: Sendable {
  struct Mapping: Hashable, Sendable {
    var addresses: Range<UInt>
    var residentBytes = 0
    var hugeBytes = 0
  }
  /// By ascending address.
  let mappings: [Mapping]

  /// The current state; `nil` if the system does not say.
  package static func read() -> MemoryMap? {
    SystemFiles(root: "/").text("/proc/self/smaps", limit: Int.max).map { MemoryMap(smaps: $0) }
  }

  /// `smaps` as `proc_pid_smaps(5)` describes it.
  init(smaps: String) {
    var mappings: [Mapping] = []
    for line in smaps.utf8.split(separator: UInt8(ascii: "\n")) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
        continue
      }
      let key = line[..<colon]
      if key.elementsEqual("Rss".utf8) {
        if !mappings.isEmpty { mappings[mappings.count - 1].residentBytes = Self.bytes(line[colon...]) }
      } else if key.elementsEqual("AnonHugePages".utf8) {
        if !mappings.isEmpty { mappings[mappings.count - 1].hugeBytes = Self.bytes(line[colon...]) }
      } else if let addresses = Self.addresses(line) {
        mappings.append(Mapping(addresses: addresses))
      }
    }
    self.mappings = mappings
  }

  /// Of the part of `stretches` that is in memory, the share in huge pages; 0 if nothing is in memory.
  ///
  /// A mapping counts by the part of its addresses that is asked for; a `NodeBuffer` is a mapping of its own.
  package func hugeShare(_ stretches: [UnsafeRawBufferPointer]) -> Double {
    var (resident, huge): (Double, Double) = (0, 0)
    for stretch in stretches where !stretch.isEmpty {
      let start = UInt(bitPattern: stretch.baseAddress)
      let wanted = start..<start + UInt(stretch.count)
      var index = mappings.partitioningIndex { $0.addresses.upperBound > wanted.lowerBound }
      while index < mappings.count, mappings[index].addresses.lowerBound < wanted.upperBound {
        let mapping = mappings[index]
        let share = Double(mapping.addresses.clamped(to: wanted).count) / Double(mapping.addresses.count)
        resident += share * Double(mapping.residentBytes)
        huge += share * Double(mapping.hugeBytes)
        index += 1
      }
    }
    return resident == 0 ? 0 : huge / resident
  }

  /// The number of `:   12 kB`, in bytes.
  private static func bytes(_ text: Substring.UTF8View) -> Int {
    var kilobytes = 0
    for byte in text where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
      kilobytes = kilobytes * 10 + Int(byte - UInt8(ascii: "0"))
    }
    return kilobytes * 1_024
  }

  /// The range of a line such as `7f00c0a000-7f00c0b000 rw-p 00000000 00:00 0`; `nil` for any other line.
  private static func addresses(_ line: Substring.UTF8View) -> Range<UInt>? {
    var ends: [UInt] = [0]
    for byte in line {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): ends[ends.count - 1] = ends[ends.count - 1] << 4 | UInt(byte - 48)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): ends[ends.count - 1] = ends[ends.count - 1] << 4 | UInt(byte - 87)
      case UInt8(ascii: "-") where ends.count == 1: ends.append(0)
      case UInt8(ascii: " ") where ends.count == 2: return ends[0] < ends[1] ? ends[0]..<ends[1] : nil
      default: return nil
      }
    }
    return nil
  }
}

extension Array {
  /// The first index whose element satisfies `isSecond`, which is false for all before and true for all after.
  fileprivate func partitioningIndex(_ isSecond: (Element) -> Bool) -> Int {
    var (low, high): (Int, Int) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isSecond(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
