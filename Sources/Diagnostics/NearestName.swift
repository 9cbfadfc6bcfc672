/// Finds the known name that a mistyped one most likely meant.
package enum NearestName {
  /// The candidate with the fewest edits to `name`, the first of equals; `nil` where there are no candidates.
  ///
  /// Letter case, `-` and `_` do not count as differences.
  package static func nearest(to name: String, among candidates: [String]) -> String? {
    let wanted: [UInt8] = fold(name)
    var best: (name: String, distance: Int)?
    for candidate: String in candidates {
      let distance: Int = editDistance(wanted, fold(candidate))
      if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
    }
    return best?.name
  }

  /// The edits (insert, delete, replace, swap of neighbours) that turn one name into the other.
  ///
  /// Optimal string alignment; O(|a|·|b|) time over the first 128 bytes of each.
  package static func distance(_ a: String, _ b: String) -> Int { editDistance(fold(a), fold(b)) }

  private static func fold(_ name: String) -> [UInt8] {
    name.lowercased().utf8.prefix(128).filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "_") }
  }

  private static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last: [Int] = Array(0...b.count)
    for i: Int in a.indices {
      var row: [Int] = [i + 1]
      row.reserveCapacity(b.count + 1)
      for j: Int in b.indices {
        var edits: Int = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { edits = min(edits, beforeLast[j - 1] + 1) }
        row.append(edits)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
