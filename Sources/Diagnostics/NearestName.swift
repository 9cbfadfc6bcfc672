/// Finds the known name that a mistyped or foreign one most likely means.
///
/// Letter case, `-` and `_` do not count as differences.
package enum NearestName {
  /// The candidate that `name` means; `nil` if that is not clear.
  ///
  /// It is the same except for case, `-` and `_`; or what other programs call `name`; or the shortest that starts with
  /// `name`, of three letters or more; or the nearest, of which one letter in three may differ. A name that is known from
  /// other programs and stands for none of the candidates is not a typing error, so nothing is suggested.
  package static func suggestion(for name: String, among candidates: [String]) -> String? {
    let wanted = fold(name)
    if let same = candidates.first(where: { fold($0) == wanted }) { return same }
    if let meanings = FieldSynonyms.meanings(of: name) {
      return meanings.lazy.compactMap { meaning in candidates.first { fold($0) == fold(meaning) } }.first
    }
    let started = candidates.filter { wanted.count >= 3 && fold($0).starts(with: wanted) }
    if let shortest = started.min(by: { $0.utf8.count < $1.utf8.count }) { return shortest }
    var best: (name: String, distance: Int)?
    for candidate in candidates {
      let folded = fold(candidate)
      let distance = editDistance(wanted, folded)
      guard distance <= max(1, min(wanted.count, folded.count) / 3) else { continue }
      if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
    }
    return best?.name
  }

  /// The flag's name that a short flag such as `-o` has in other programs; `nil` for others.
  package static func longFlag(for short: String) -> String? { FieldSynonyms.shortFlags[short] }

  /// The edits (insert, delete, replace, swap of neighbours) that turn one name into the other.
  ///
  /// Optimal string alignment; O(|a|·|b|) time over the first 128 bytes of each.
  package static func distance(_ a: String, _ b: String) -> Int { editDistance(fold(a), fold(b)) }

  private static func fold(_ name: String) -> [UInt8] { Array(FieldSynonyms.fold(name).utf8) }

  private static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last: [Int] = Array(0...b.count)
    for i in a.indices {
      var row: [Int] = [i + 1]
      row.reserveCapacity(b.count + 1)
      for j in b.indices {
        var edits = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { edits = min(edits, beforeLast[j - 1] + 1) }
        row.append(edits)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
