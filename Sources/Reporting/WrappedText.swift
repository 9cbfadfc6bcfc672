/// Text in lines of a terminal's width.
package enum WrappedText {
  /// The columns of a terminal that nobody has made wider.
  package static let columns = 80

  /// Lines of at most `columns` characters, cut at spaces; a longer word has a line of its own. Without words, one empty line.
  package static func lines(_ text: String, columns: Int) -> [String] {
    lines(text.split(separator: " ").map(String.init), columns: columns)
  }

  /// The same of words, in which there may be spaces.
  package static func lines(_ words: [String], columns: Int) -> [String] {
    var lines: [String] = []
    for word in words {
      if let last = lines.last, last.count + 1 + word.count <= columns {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(word)
      }
    }
    return lines.isEmpty ? [""] : lines
  }
}
