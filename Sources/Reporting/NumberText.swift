/// Numbers as people read them; the same text on every machine and in every locale.
package enum NumberText {
  /// `value` with `decimals` digits after the point, rounded to nearest, ties away from zero; `nan` and `inf` as words.
  package static func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded(.toNearestOrAwayFromZero)
    guard scaled < 9e15 else { return value.description }
    let digits = String(Int(scaled))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return sign + digits }
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
  }

  /// Thousands separated by commas: `1,234,567`.
  package static func grouped(_ value: Int) -> String {
    var groups: [Substring] = []
    var rest: Substring = String(value.magnitude)[...]
    while rest.count > 3 {
      groups.append(rest.suffix(3))
      rest = rest.dropLast(3)
    }
    groups.append(rest)
    return (value < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
  }

  /// A rate: whole and grouped from 100 on, else with one decimal.
  package static func rate(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return fixed(value, 0) }
    return value >= 100 ? grouped(Int(value.rounded())) : fixed(value, 1)
  }

  /// A share of 1 in percent with two decimals, without a space: `97.22%`.
  package static func percent(_ share: Double) -> String { fixed(share * 100, 2) + "%" }

  /// Seconds as `0:07`, `12:34` or `1:02:03`, rounded up to a whole second.
  package static func clock(seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "-:--" }
    let whole = Int(seconds.rounded(.up))
    let twoDigits: (Int) -> String = { $0 < 10 ? "0\($0)" : "\($0)" }
    let minutesAndSeconds = "\(whole / 60 % 60):\(twoDigits(whole % 60))"
    guard whole >= 3600 else { return minutesAndSeconds }
    return "\(whole / 3600):\(twoDigits(whole / 60 % 60)):\(twoDigits(whole % 60))"
  }

  /// `1 worker`, `2 workers`.
  package static func count(_ value: Int, _ noun: String) -> String {
    "\(grouped(value)) \(noun)\(value == 1 ? "" : "s")"
  }
}
