/// What a terminal can show.
package struct Terminal {
  /// Asked for every line, as a window may change; the largest integer where there is no terminal.
  package var columns: () -> Int
  package var rows: () -> Int
  package var hasColours: Bool
  /// Otherwise only ASCII is written.
  package var isUTF8: Bool

  package init(
    columns: @escaping () -> Int, rows: @escaping () -> Int = { .max }, hasColours: Bool = false, isUTF8: Bool = true
  ) {
    self.columns = columns
    self.rows = rows
    self.hasColours = hasColours
    self.isUTF8 = isUTF8
  }
}

/// Text for terminals of other kinds.
package enum TerminalText {
  private static let forms: [Character: String] = [
    "━": "#", "─": "-", "·": "|", "×": "x", "–": "-", "…": "...", "≤": "<=", "→": "->",
  ]

  /// `text` in ASCII: lines and signs by what looks alike, else a question mark.
  package static func ascii(_ text: String) -> String {
    text.map { $0.isASCII ? String($0) : forms[$0] ?? "?" }.joined()
  }

  /// A line with the filled part of its bar in colour and the rest of the bar dim.
  package static func coloured(_ line: String) -> String {
    var (text, open): (String, Character?) = ("", nil)
    for character in line {
      let part: Character? = character == "━" || character == "─" ? character : nil
      if part != open {
        if open != nil { text += "\u{1B}[0m" }
        if part == "━" { text += "\u{1B}[36m" }
        if part == "─" { text += "\u{1B}[2m" }
        open = part
      }
      text.append(character)
    }
    return open == nil ? text : text + "\u{1B}[0m"
  }
}
