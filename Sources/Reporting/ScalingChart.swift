import Measuring
import Training

/// The chart of `bench scaling`: speed-up over workers beside the ideal, where each step's time went, and the prediction.
enum ScalingChart {
  private static let width = 880.0
  private static let panelHeight = 400.0
  /// The curves' axes, and the upper and lower end of all plots in a panel.
  private static let axis: (left: Double, right: Double) = (60, 410)
  private static let plot: (top: Double, bottom: Double) = (76, 346)
  private static let first = SVG.Style(colour: "#c2255c", isSecond: false)
  private static let second = SVG.Style(colour: "#1098ad", isSecond: true)

  static func svg(_ summary: ScalingSummary) -> String {
    let height: Double = panelHeight * (summary.prediction == nil ? 1 : 2)
    let parts: [String] =
      [
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(SVG.number(width)) \(SVG.number(height))\" "
          + "font-family=\"sans-serif\" font-size=\"12\">",
        "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
      ] + curves(summary)
      + bars("where a step's time goes, strong scaling", summary.strong.map { ($0.workers, $0.breakdown) }, y: 0)
      + (summary.prediction.map(prediction) ?? []) + ["</svg>"]
    return parts.joined(separator: "\n") + "\n"
  }

  // MARK: Curves, on the left

  private static func curves(_ summary: ScalingSummary) -> [String] {
    let all = summary.strong + summary.weak
    let most = Double(all.map(\.workers).max() ?? 1)
    let top: Double = max(most, all.map(\.speedUpRange.upperBound).max() ?? 1)
    let x: (Double) -> Double = { axis.left + (axis.right - axis.left) * $0 / most }
    let y: (Double) -> Double = { plot.bottom - (plot.bottom - plot.top) * $0 / top }
    var parts: [String] = [SVG.text(20, 24, "\(summary.name): speed-up over workers", size: 15)]
    parts += SVG.legend(
      [("strong: one batch for all", first), ("weak: in proportion", second)], x: axis.left, y: 50)
    parts += axes(y: 0, title: "workers; bars: the middle half of the steps")
    parts += [
      SVG.line(x(0), y(0), x(most), y(most), "#bbb", dashed: true),
      SVG.text(x(most) - 6, y(most) + 16, "ideal", anchor: "end", colour: "#888"),
    ]
    parts += SVG.labels(Set(all.map(\.workers)).map { (x(Double($0)), "\($0)") }, y: plot.bottom + 16)
    for tick in ticks(top) { parts.append(SVG.text(52, y(Double(tick)) + 4, "\(tick)×", anchor: "end")) }
    if let knee = summary.knee, knee != summary.strong.last?.workers {
      parts.append(SVG.line(x(Double(knee)), y(0), x(Double(knee)), y(top), "#999", dashed: true))
      parts.append(SVG.text(x(Double(knee)) + 4, y(top) + 10, "knee", colour: "#888"))
    }
    for (points, style) in [(summary.strong, first), (summary.weak, second)] {
      parts += SVG.curve(
        points.map { point in
          let range = point.speedUpRange
          return SVG.Point(
            x: x(Double(point.workers)), y: y(point.speedUp), ends: y(range.upperBound)...y(range.lowerBound))
        }, style)
    }
    return parts
  }

  /// Efficiency over workers for both designs of the all-reduce, and the parts of a step in three phases.
  private static func prediction(_ prediction: ScalingPrediction) -> [String] {
    let base = panelHeight
    let points = prediction.points
    let counts = Set(points.map(\.workers)).sorted()
    // Worker counts double along the axis.
    let step: Double = (axis.right - axis.left) / Double(max(1, counts.count - 1))
    let x: (Int) -> Double = { axis.left + step * Double(counts.firstIndex(of: $0) ?? 0) }
    let top: Double = max(1, points.map(\.efficiency).max() ?? 1)
    let y: (Double) -> Double = { base + plot.bottom - (plot.bottom - plot.top) * $0 / top }
    var parts: [String] = [SVG.text(20, base + 24, "predicted for \(prediction.target): efficiency", size: 15)]
    let designs: [(ReductionDesign, SVG.Style)] = [(.threePhase, first), (.flat, second)]
    parts += SVG.legend(designs.map { ("all-reduce \($0.rawValue)", $1) }, x: axis.left, y: base + 50)
    parts += axes(y: base, title: "workers, one shard each")
    parts += SVG.labels(counts.map { (x($0), "\($0)") }, y: base + plot.bottom + 16)
    for share: Double in [0.25, 0.5, 0.75, 1] {
      parts.append(SVG.text(52, y(share) + 4, NumberText.fixed(100 * share, 0) + " %", anchor: "end"))
      parts.append(SVG.line(axis.left, y(share), axis.right, y(share), "#eee"))
    }
    for (design, style) in designs {
      let own = points.filter { $0.design == design }
      parts += SVG.curve(own.map { SVG.Point(x: x($0.workers), y: y($0.efficiency)) }, style)
    }
    let phases = points.filter { $0.design == .threePhase }
    return parts
      + bars("where a step's time goes, three phases", phases.map { ($0.workers, $0.breakdown) }, y: base)
  }

  // MARK: Bars, on the right

  private static func colour(_ part: StepPart) -> String {
    switch part {
    case .compute: "#2b8a3e"
    case .meetings: "#e8590c"
    case .imbalance: "#f2b134"
    case .barrier: "#c92a2a"
    case .exchange: "#0c8599"
    case .reduce: "#5c7cfa"
    case .update: "#9775fa"
    }
  }

  /// One bar per worker count, cut into the parts of a step; `y` is the panel's upper edge.
  private static func bars(_ title: String, _ steps: [(workers: Int, step: StepBreakdown)], y top: Double) -> [String] {
    var parts: [String] = [SVG.text(470, top + 24, title, size: 15)]
    let shown = StepBreakdown.parts(of: steps.map(\.step))
    let (left, right): (Double, Double) = (516, 776)
    let height = plot.bottom - plot.top
    let slot: Double = (right - left) / Double(max(1, steps.count))
    var labels: [(x: Double, text: String)] = []
    for (index, (workers, step)) in steps.enumerated() where step.total > 0 {
      let x = left + slot * Double(index)
      var y = top + plot.bottom
      for part in shown {
        let share = step[part] / step.total
        y -= height * share
        parts.append(
          SVG.rectangle(
            x, y, width: slot * 0.8, height: height * share, colour(part),
            title: "\(part.rawValue) \(NumberText.percent(share))"))
      }
      labels.append((x + slot * 0.4, "\(workers)"))
    }
    parts += SVG.labels(labels, y: top + plot.bottom + 16)
    for share: Double in [0, 0.5, 1] {
      parts.append(
        SVG.text(
          left - 8, top + plot.bottom + 4 - height * share, NumberText.fixed(100 * share, 0) + " %", anchor: "end"))
    }
    for (index, part) in shown.enumerated() {
      let y: Double = top + plot.top + 12 + 18 * Double(index)
      parts.append(SVG.line(788, y - 4, 800, y - 4, colour(part), width: 10))
      parts.append(SVG.text(806, y, part.rawValue))
    }
    return parts + [SVG.text((left + right) / 2, top + plot.bottom + 38, "workers", anchor: "middle")]
  }

  // MARK: Axes

  /// At most eight whole numbers up to `top`.
  private static func ticks(_ top: Double) -> [Int] {
    let last = max(1, Int(top))
    let step = max(1, (last + 7) / 8)
    return Array(stride(from: step, through: last, by: step))
  }

  private static func axes(y: Double, title: String) -> [String] {
    [
      SVG.line(axis.left, y + plot.bottom, axis.right, y + plot.bottom, "#555"),
      SVG.line(axis.left, y + plot.bottom, axis.left, y + plot.top, "#555"),
      SVG.text((axis.left + axis.right) / 2, y + plot.bottom + 38, title, anchor: "middle"),
    ]
  }
}
