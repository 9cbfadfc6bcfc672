import Training

/// The chart of `bench scaling`: speed-up over workers beside the ideal, where each step's time went, and the prediction.
enum ScalingChart {
  private static let width: Double = 860
  private static let panelHeight: Double = 380
  private static let colours: [String: String] = [
    "compute": "#2b8a3e", "imbalance": "#f2b134", "barrier": "#d9480f", "reduce": "#5c7cfa", "update": "#9775fa",
  ]
  private static let strongColour: String = "#c2255c"
  private static let weakColour: String = "#1098ad"

  static func svg(_ summary: ScalingSummary) -> String {
    let height: Double = panelHeight * (summary.prediction == nil ? 1 : 2)
    let parts: [String] =
      [
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(number(width)) \(number(height))\" "
          + "font-family=\"sans-serif\" font-size=\"12\">",
        "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
      ] + curves(summary)
      + bars("where a step's time goes, strong scaling", summary.strong.map { ($0.workers, $0.breakdown) }, y: 0)
      + (summary.prediction.map(prediction) ?? []) + ["</svg>"]
    return parts.joined(separator: "\n") + "\n"
  }

  // MARK: Curves, on the left

  private static func curves(_ summary: ScalingSummary) -> [String] {
    let all: [ScalingPoint] = summary.strong + summary.weak
    let most: Double = Double(all.map(\.workers).max() ?? 1)
    let top: Double = max(most, all.map(\.speedUp).max() ?? 1)
    let x: (Double) -> Double = { 60 + 340 * $0 / most }
    let y: (Double) -> Double = { 330 - 280 * $0 / top }
    var parts: [String] = [text(20, 24, "\(summary.name): speed-up over workers", size: 15)]
    parts += axes(x: x(0)...x(most), y: 0, title: "workers")
    parts += [
      line(x(0), y(0), x(most), y(most), "#bbb", dashed: true),
      text(x(most) - 40, y(most) - 6, "ideal", colour: "#888"),
    ]
    parts += numbers(all.map(\.workers), x: x, y: 346)
    for tick: Int in ticks(top) { parts.append(text(52, y(Double(tick)) + 4, "\(tick)×", anchor: "end")) }
    if let knee: Int = summary.knee, knee != summary.strong.last?.workers {
      parts.append(line(x(Double(knee)), y(0), x(Double(knee)), y(top), "#999", dashed: true))
      parts.append(text(x(Double(knee)) + 4, y(0) - 6, "knee", colour: "#888"))
    }
    for (index, (name, points, colour)) in [
      ("strong: one batch for all", summary.strong, strongColour),
      ("weak: a batch in proportion", summary.weak, weakColour),
    ].enumerated() {
      parts += curve(points.map { (x(Double($0.workers)), y($0.speedUp)) }, colour)
      parts.append(text(76, 62 + 18 * Double(index), name, colour: colour))
    }
    return parts
  }

  /// Efficiency over workers for both designs of the all-reduce, and the parts of a step in three phases.
  private static func prediction(_ prediction: ScalingPrediction) -> [String] {
    let base: Double = panelHeight
    let points: [ScalingPrediction.Point] = prediction.points
    let counts: [Int] = Set(points.map(\.workers)).sorted()
    // Worker counts double along the axis.
    let step: Double = 340 / Double(max(1, counts.count - 1))
    let x: (Int) -> Double = { 60 + step * Double(counts.firstIndex(of: $0) ?? 0) }
    let top: Double = max(1, points.map(\.efficiency).max() ?? 1)
    let y: (Double) -> Double = { base + 330 - 280 * $0 / top }
    var parts: [String] = [text(20, base + 24, "predicted for \(prediction.target): efficiency", size: 15)]
    parts += axes(x: 60...400, y: base, title: "workers, one shard each")
    for count: Int in counts { parts.append(text(x(count), base + 346, "\(count)", anchor: "middle")) }
    for share: Double in [0.25, 0.5, 0.75, 1] {
      parts.append(text(52, y(share) + 4, NumberText.fixed(100 * share, 0) + " %", anchor: "end"))
      parts.append(line(60, y(share), 400, y(share), "#eee"))
    }
    for (index, (design, colour)) in [
      (ReductionDesign.threePhase, strongColour), (.flat, "#868e96"),
    ].enumerated() {
      let own: [ScalingPrediction.Point] = points.filter { $0.design == design }
      parts += curve(own.map { (x($0.workers), y($0.efficiency)) }, colour)
      parts.append(text(76, base + 294 + 18 * Double(index), "all-reduce \(design.rawValue)", colour: colour))
    }
    let phases: [ScalingPrediction.Point] = points.filter { $0.design == .threePhase }
    return parts
      + bars("where a step's time goes, three phases", phases.map { ($0.workers, $0.breakdown) }, y: base)
  }

  // MARK: Bars, on the right

  /// One bar per worker count, cut into the parts of a step; `y` is the panel's upper edge.
  private static func bars(_ title: String, _ steps: [(workers: Int, step: StepBreakdown)], y top: Double) -> [String] {
    var parts: [String] = [text(460, top + 24, title, size: 15)]
    let slot: Double = 270 / Double(max(1, steps.count))
    for (index, (workers, step)) in steps.enumerated() where step.total > 0 {
      let x: Double = 500 + slot * Double(index)
      var y: Double = top + 330
      for part in StepBreakdown.parts {
        let share: Double = step[keyPath: part.path] / step.total
        y -= 280 * share
        parts.append(
          "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(slot * 0.8))\" height=\"\(number(280 * share))\" "
            + "fill=\"\(colours[part.name] ?? "#888")\"><title>\(part.name) \(NumberText.percent(share))</title></rect>"
        )
      }
      parts.append(text(x + slot * 0.4, top + 346, "\(workers)", anchor: "middle"))
    }
    for share: Double in [0, 0.5, 1] {
      parts.append(text(492, top + 334 - 280 * share, NumberText.fixed(100 * share, 0) + " %", anchor: "end"))
    }
    for (index, part) in StepBreakdown.parts.enumerated() {
      let y: Double = top + 62 + 18 * Double(index)
      parts.append(line(776, y - 4, 788, y - 4, colours[part.name] ?? "#888", width: 10))
      parts.append(text(794, y, part.name))
    }
    return parts + [text(635, top + 368, "workers", anchor: "middle")]
  }

  // MARK: Shapes

  /// At most eight whole numbers up to `top`.
  private static func ticks(_ top: Double) -> [Int] {
    let last: Int = max(1, Int(top))
    let step: Int = max(1, (last + 7) / 8)
    return Array(stride(from: step, through: last, by: step))
  }

  /// The larger numbers first; those that would touch one that is there are left out.
  private static func numbers(_ counts: [Int], x: (Double) -> Double, y: Double) -> [String] {
    var left: Double = .infinity
    var parts: [String] = []
    for count: Int in Set(counts).sorted(by: >) where x(Double(count)) < left - 22 {
      left = x(Double(count))
      parts.append(text(left, y, "\(count)", anchor: "middle"))
    }
    return parts
  }

  private static func axes(x: ClosedRange<Double>, y: Double, title: String) -> [String] {
    [
      line(x.lowerBound, y + 330, x.upperBound, y + 330, "#555"),
      line(x.lowerBound, y + 330, x.lowerBound, y + 50, "#555"),
      text((x.lowerBound + x.upperBound) / 2, y + 368, title, anchor: "middle"),
    ]
  }

  private static func curve(_ points: [(x: Double, y: Double)], _ colour: String) -> [String] {
    let path: String = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
    return ["<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>"]
      + points.map { "<circle cx=\"\(number($0.x))\" cy=\"\(number($0.y))\" r=\"3.5\" fill=\"\(colour)\"/>" }
  }

  private static func number(_ value: Double) -> String { NumberText.fixed(value, 1) }

  private static func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String, dashed: Bool = false, width: Double = 1
  ) -> String {
    "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" stroke=\"\(colour)\" "
      + "stroke-width=\"\(number(width))\"" + (dashed ? " stroke-dasharray=\"5 4\"" : "") + "/>"
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
