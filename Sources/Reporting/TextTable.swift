/// Rows of cells in columns, each as wide as its widest cell.
package struct TextTable: Sendable {
  package enum Alignment: Sendable { case left, right }

  private let alignments: [Alignment]
  private var rows: [[String]] = []
  /// Numbers of the rows that have a rule before them.
  private var rules: Set<Int> = []

  package init(_ alignments: [Alignment]) { self.alignments = alignments }

  /// Adds a row; missing cells are empty.
  package mutating func add(_ cells: String...) { rows.append(cells) }
  package mutating func add(_ cells: [String]) { rows.append(cells) }

  package mutating func addRule() { rules.insert(rows.count) }

  /// `head a, b, c` in lines of at most 78 characters, broken after commas where that is possible.
  static func list(_ head: String, _ items: [String]) -> [String] {
    var lines: [String] = []
    var line = head
    for (number, item) in items.enumerated() {
      let word = " " + item + (number < items.count - 1 ? "," : "")
      if line.count + word.count > 78, line != head {
        lines.append(line)
        line = " "
      }
      line += word
    }
    return lines + [line]
  }

  /// The lines, two spaces between columns, without trailing spaces; one character is one column wide.
  package func lines(indentation: Int = 0) -> [String] {
    let widths: [Int] = alignments.indices.map { column in
      rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0
    }
    let margin = String(repeating: " ", count: indentation)
    let rule = margin + String(repeating: "─", count: widths.reduce(0, +) + 2 * max(0, widths.count - 1))
    var lines: [String] = []
    for (number, row) in rows.enumerated() {
      if rules.contains(number) { lines.append(rule) }
      var line = margin
      for (column, width) in widths.enumerated() {
        let cell = row.count > column ? row[column] : ""
        let space = String(repeating: " ", count: width - cell.count)
        line += alignments[column] == .left ? cell + space : space + cell
        if column < widths.count - 1 { line += "  " }
      }
      lines.append(String(line.reversed().drop { $0 == " " }.reversed()))
    }
    if rules.contains(rows.count) { lines.append(rule) }
    return lines
  }
}
