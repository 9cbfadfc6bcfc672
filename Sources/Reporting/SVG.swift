/// The few shapes that charts are made of, as elements of an SVG image.
enum SVG {
  /// About the width of one character of text of the usual size.
  private static let characterWidth = 7.0

  static func number(_ value: Double) -> String { NumberText.fixed(value, 1) }

  static func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String, dashed: Bool = false, width: Double = 1
  ) -> String {
    "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" stroke=\"\(colour)\" "
      + "stroke-width=\"\(number(width))\"" + (dashed ? " stroke-dasharray=\"5 4\"" : "") + "/>"
  }

  static func rectangle(
    _ x: Double, _ y: Double, width: Double, height: Double, _ colour: String, title: String
  ) -> String {
    "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" height=\"\(number(height))\" "
      + "fill=\"\(colour)\"><title>\(escaped(title))</title></rect>"
  }

  static func text(
    _ x: Double, _ y: Double, _ content: String, size: Int = 12, anchor: String = "start", colour: String = "#222"
  ) -> String {
    "<text x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor)\" "
      + "fill=\"\(colour)\">\(escaped(content))</text>"
  }

  /// Texts centred at their places, without those that would touch one further right.
  static func labels(_ places: [(x: Double, text: String)], y: Double) -> [String] {
    var left: Double = .infinity
    var parts: [String] = []
    for place in places.sorted(by: { $0.x > $1.x }) {
      let half = Double(place.text.count) * characterWidth / 2
      guard place.x + half + 4 <= left else { continue }
      left = place.x - half
      parts.append(text(place.x, y, place.text, anchor: "middle"))
    }
    return parts
  }

  /// How a series is drawn: the first as a wide line with dots, the second as a narrow dashed one with open squares, so
  /// that both can be seen where they coincide.
  struct Style {
    let colour: String
    let isSecond: Bool
  }

  struct Point {
    let x: Double
    let y: Double
    /// The ends of the bar that shows the point's range; `nil` for no bar.
    var ends: ClosedRange<Double>?
  }

  static func curve(_ points: [Point], _ style: Style) -> [String] {
    let path = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
    let width = style.isSecond ? "1.5\" stroke-dasharray=\"6 4" : "3"
    return points.flatMap { range($0, style) } + [
      "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(style.colour)\" stroke-width=\"\(width)\"/>"
    ] + points.map { mark($0.x, $0.y, style) }
  }

  private static func mark(_ x: Double, _ y: Double, _ style: Style) -> String {
    style.isSecond
      ? "<rect x=\"\(number(x - 5))\" y=\"\(number(y - 5))\" width=\"10\" height=\"10\" fill=\"none\" "
        + "stroke=\"\(style.colour)\" stroke-width=\"1.5\"/>"
      : "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"3.5\" fill=\"\(style.colour)\"/>"
  }

  /// A bar with short ends; the second series' lies a little beside the first's.
  private static func range(_ point: Point, _ style: Style) -> [String] {
    guard let ends = point.ends else { return [] }
    let x: Double = point.x + (style.isSecond ? 3 : 0)
    return [line(x, ends.lowerBound, x, ends.upperBound, style.colour)]
      + [ends.lowerBound, ends.upperBound].map { line(x - 3, $0, x + 3, $0, style.colour) }
  }

  /// A row of marks and names from `x` to the right.
  static func legend(_ entries: [(name: String, style: Style)], x: Double, y: Double) -> [String] {
    var left = x
    return entries.flatMap { name, style in
      defer { left += 40 + Double(name.count) * characterWidth }
      return [
        line(left, y - 4, left + 22, y - 4, style.colour, dashed: style.isSecond, width: style.isSecond ? 1.5 : 3),
        mark(left + 11, y - 4, style), text(left + 28, y, name, colour: style.colour),
      ]
    }
  }

  private static func escaped(_ content: String) -> String {
    content.map { character in
      switch character {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      default: String(character)
      }
    }.joined()
  }
}
