import Measuring
import Storage

/// The result of `gradcheck`.
package struct GradientCheckSummary: Summary {
  package var rows: [GradientCheckRow]

  package init(rows: [GradientCheckRow]) { self.rows = rows }

  package var passed: Bool { rows.allSatisfy(\.passed) }

  package var json: JSONValue {
    .object([
      .init("passed", .bool(passed)),
      .init(
        "rows",
        .array(
          rows.map {
            .object([
              .init("layer", .string($0.layer)), .init("tensor", .string($0.tensor)),
              .init("elements", .integer($0.elements)),
              .init("checked", .integer($0.checked)), .init("skipped", .integer($0.skipped)),
              .init("worst_error", .number($0.worstError)),
              .init("tolerance", .number($0.tolerance)), .init("passed", .bool($0.passed)),
            ])
          })),
    ])
  }

  package var lines: [String] {
    var table = TextTable([.left, .left, .right, .right, .right, .right, .left])
    table.add("layer", "tensor", "elements", "checked", "worst error", "tolerance")
    table.addRule()
    for row in rows {
      table.add(
        row.layer, row.tensor, NumberText.grouped(row.elements), NumberText.grouped(row.checked),
        scientific(row.worstError),
        scientific(row.tolerance), row.passed ? "ok" : "FAILED")
    }
    let skipped = rows.reduce(0) { $0 + $1.skipped }
    guard skipped > 0 else { return table.lines() }
    return table.lines() + [
      "\(NumberText.count(skipped, "element")) skipped: the loss has a kink there, where a ReLU or maximum switches"
    ]
  }

  /// One digit before the point and one after: `1.2e-07`.
  private func scientific(_ value: Double) -> String {
    guard value.isFinite, value > 0 else { return NumberText.fixed(value, 0) }
    var exponent = 0
    var mantissa = value
    while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    if mantissa >= 9.95 { (mantissa, exponent) = (1, exponent + 1) }
    let digits = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
    return "\(NumberText.fixed(mantissa, 1))e\(exponent < 0 ? "-" : "+")\(digits)"
  }
}
