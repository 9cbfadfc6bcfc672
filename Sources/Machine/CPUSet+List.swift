import Diagnostics

extension CPUSet: CustomStringConvertible {
  /// Parses a Linux list such as `0-3,8`; blank text is the empty set.
  ///
  /// White space around numbers is ignored; any order and overlaps are allowed.
  /// - Throws: `UserError` of `category` about `subject` for anything but numbers 0...`maximumCPU` and rising ranges.
  package init(list text: String, category: UserError.Category, subject: String) throws(UserError) {
    self.init()
    func refusal(_ reason: String) -> UserError {
      UserError(category, subject, "\"\(text)\" is not a CPU list: \(reason).", hint: "Write it like \"0-3,8\".")
    }
    func number(_ digits: Substring) throws(UserError) -> Int {
      guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let value = Int(digits),
        value <= Self.maximumCPU
      else { throw refusal("\"\(digits)\" is not a number in 0...\(Self.maximumCPU)") }
      return value
    }
    let trimmed: Substring = text.trimmed
    if trimmed.isEmpty { return }
    for part in trimmed.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
      let lower = try number(ends[0].trimmed)
      let upper = ends.count == 1 ? lower : try number(ends[1].trimmed)
      guard lower <= upper else { throw refusal("the range \(lower)-\(upper) falls") }
      for cpu in lower...upper { insert(cpu) }
    }
  }

  /// The Linux list, such as `0-3,8`; empty for the empty set.
  package var description: String { linuxList(self) }
}

/// Numbers in the order given, runs of neighbours as ranges: `0-3,8,4-5`.
func linuxList(_ numbers: some Sequence<Int>) -> String {
  var ranges: [ClosedRange<Int>] = []
  for number in numbers {
    if let last = ranges.last, last.upperBound + 1 == number {
      ranges[ranges.count - 1] = last.lowerBound...number
    } else {
      ranges.append(number...number)
    }
  }
  return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
    .joined(separator: ",")
}

extension StringProtocol where SubSequence == Substring {
  /// Without white space and line ends on either side.
  var trimmed: Substring {
    guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
    else { return self[endIndex...] }
    return self[first...last]
  }
}
