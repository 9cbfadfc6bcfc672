import Training

/// The chart of `bench scaling`: speed-up over workers beside the ideal, and where each step's time went.
enum ScalingChart {
  private static let width: Double = 860
  private static let height: Double = 380
  private static let colours: [String: String] = [
    "compute": "#2b8a3e", "imbalance": "#f2b134", "barrier": "#d9480f", "reduce": "#5c7cfa", "update": "#9775fa",
  ]

  static func svg(_ summary: ScalingSummary) -> String {
    let parts: [String] =
      [
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(number(width)) \(number(height))\" "
          + "font-family=\"sans-serif\" font-size=\"12\">",
        "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
        text(20, 24, "\(summary.name): speed-up over workers", size: 15),
      ] + curves(summary) + bars(summary) + ["</svg>"]
    return parts.joined(separator: "\n") + "\n"
  }

  // MARK: The left panel

  private static func curves(_ summary: ScalingSummary) -> [String] {
    let all: [ScalingPoint] = summary.strong + summary.weak
    let most: Double = Double(all.map(\.workers).max() ?? 1)
    let top: Double = max(most, all.map(\.speedUp).max() ?? 1)
    let x: (Double) -> Double = { 60 + 340 * $0 / most }
    let y: (Double) -> Double = { 330 - 280 * $0 / top }
    var parts: [String] = [
      line(x(0), y(0), x(most), y(0), "#555"), line(x(0), y(0), x(0), y(top), "#555"),
      line(x(0), y(0), x(most), y(most), "#bbb", dashed: true),
      text(x(most) - 40, y(most) - 6, "ideal", colour: "#888"),
      text(230, 368, "workers", anchor: "middle"),
    ]
    for workers: Int in Set(all.map(\.workers)).sorted() {
      parts.append(text(x(Double(workers)), 346, "\(workers)", anchor: "middle"))
    }
    for tick: Int in ticks(top) { parts.append(text(52, y(Double(tick)) + 4, "\(tick)×", anchor: "end")) }
    let curves: [(String, [ScalingPoint], String)] = [
      ("strong", summary.strong, "#d9480f"), ("weak", summary.weak, "#5c7cfa"),
    ]
    for (index, (name, points, colour)) in curves.enumerated() {
      let path: String = points.map { "\(number(x(Double($0.workers)))),\(number(y($0.speedUp)))" }
        .joined(separator: " ")
      parts.append("<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>")
      parts += points.map {
        "<circle cx=\"\(number(x(Double($0.workers))))\" cy=\"\(number(y($0.speedUp)))\" r=\"3.5\" fill=\"\(colour)\"/>"
      }
      parts.append(text(76, 62 + 18 * Double(index), name, colour: colour))
    }
    if let knee: Int = summary.knee, summary.strong.count > 1 {
      parts.append(line(x(Double(knee)), y(0), x(Double(knee)), y(top), "#999", dashed: true))
      parts.append(text(x(Double(knee)) - 4, y(0) - 6, "knee", anchor: "end", colour: "#888"))
    }
    return parts
  }

  /// At most eight whole numbers up to `top`.
  private static func ticks(_ top: Double) -> [Int] {
    let last: Int = max(1, Int(top))
    let step: Int = max(1, (last + 7) / 8)
    return Array(stride(from: step, through: last, by: step))
  }

  // MARK: The right panel

  private static func bars(_ summary: ScalingSummary) -> [String] {
    var parts: [String] = [text(460, 24, "where a step's time goes", size: 15)]
    let points: [ScalingPoint] = summary.strong
    let slot: Double = 280 / Double(max(1, points.count))
    for (index, point) in points.enumerated() {
      let x: Double = 480 + slot * Double(index)
      var y: Double = 330
      for part in StepBreakdown.parts where point.breakdown.total > 0 {
        let share: Double = point.breakdown[keyPath: part.path] / point.breakdown.total
        y -= 280 * share
        parts.append(
          "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(slot * 0.8))\" height=\"\(number(280 * share))\" "
            + "fill=\"\(colours[part.name] ?? "#888")\"><title>\(part.name) \(NumberText.percent(share))</title></rect>"
        )
      }
      parts.append(text(x + slot * 0.4, 346, "\(point.workers)", anchor: "middle"))
    }
    for (index, part) in StepBreakdown.parts.enumerated() {
      parts.append(text(775, 62 + 18 * Double(index), part.name, colour: colours[part.name] ?? "#888"))
    }
    return parts + [text(620, 368, "workers, strong scaling", anchor: "middle")]
  }

  // MARK: Shapes

  private static func number(_ value: Double) -> String { NumberText.fixed(value, 1) }

  private static func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String, dashed: Bool = false
  ) -> String {
    "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" stroke=\"\(colour)\""
      + (dashed ? " stroke-dasharray=\"5 4\"" : "") + "/>"
  }

  private static func text(
    _ x: Double, _ y: Double, _ content: String, size: Int = 12, anchor: String = "start", colour: String = "#222"
  ) -> String {
    let escaped: String = content.map { character in
      switch character {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      default: String(character)
      }
    }.joined()
    return "<text x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor)\" "
      + "fill=\"\(colour)\">\(escaped)</text>"
  }
}
