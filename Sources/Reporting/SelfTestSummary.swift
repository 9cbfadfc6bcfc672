import Measuring
import Runs
import Storage

/// The result of `selftest`.
package struct SelfTestSummary: Summary {
  package var rows: [SelfTestRow]
  package var processor: String

  package init(rows: [SelfTestRow], processor: String) {
    self.rows = rows
    self.processor = processor
  }

  package var passed: Bool { !rows.isEmpty && rows.allSatisfy(\.passed) }

  private var builds: [String] {
    rows.map(\.kernels).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  package var json: JSONValue {
    .object([
      .init("passed", .bool(passed)), .init("numerics_version", .integer(NumericsVersion.current)),
      .init("processor", .string(processor)), .init("kernels", .array(builds.map { .string($0) })),
      .init(
        "rows",
        .array(
          rows.map {
            .object([
              .init("part", .string($0.part.rawValue)), .init("name", .string($0.name)),
              .init("kernels", .string($0.kernels)), .init("found", .string($0.found)),
              .init("expected", $0.expected.map { .string($0) } ?? .null), .init("passed", .bool($0.passed)),
            ])
          })),
    ])
  }

  package var lines: [String] {
    var table = TextTable([.left] + builds.map { _ in .left })
    table.add(["test"] + builds)
    table.addRule()
    for name in rows.map(\.name).reduce(into: [String](), { if !$0.contains($1) { $0.append($1) } }) {
      let cells = builds.map { build in
        rows.first { $0.name == name && $0.kernels == build }.map { $0.passed ? "ok" : "FAILED" } ?? ""
      }
      table.add([name] + cells)
    }
    return table.lines() + [bugReportLine]
  }

  /// One line with all that a bug report about bits needs.
  private var bugReportLine: String {
    let failed = rows.filter { !$0.passed }
    var hash = SHA256()
    for row in rows { hash.update(Array("\(row.kernels) \(row.name) \(row.found)\n".utf8)) }
    return "selftest: lockstep \(ProgramVersion.current), numerics \(NumericsVersion.current), "
      + "\(builds.joined(separator: "+")) on \(processor): "
      + (failed.isEmpty
        ? "all \(rows.count) digests as recorded"
        : "\(failed.count) of \(rows.count) digests differ, first \(failed[0].name) (\(failed[0].kernels))")
      + ", \(hash.value.hexadecimal.prefix(16))"
  }
}
