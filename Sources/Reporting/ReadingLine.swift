import Synchronization

/// How far the decoding of images is, on standard error: a live line on a terminal, elsewhere one every ten seconds.
package final class ReadingLine: Sendable {
  private struct State {
    var start: Double?
    var lastLine = 0.0
    var isVisible = false
  }
  private let style: ConsoleReporter.Style
  private let write: @Sendable (String) -> Void
  private let now: @Sendable () -> Double
  private let state = Mutex(State())

  /// - Parameter now: seconds on a clock that never goes back.
  package init(
    style: ConsoleReporter.Style, write: @escaping @Sendable (String) -> Void, now: @escaping @Sendable () -> Double
  ) {
    self.style = style
    self.write = write
    self.now = now
  }

  /// What `body` returns; a line that it left on a terminal is taken off, also where it throws.
  package func clearing<Value>(_ body: () throws -> Value) rethrows -> Value {
    defer { clear() }
    return try body()
  }

  /// - Parameters:
  ///   - done: images that are decoded.
  ///   - count: those of the set.
  package func show(_ done: Int, of count: Int) {
    guard style != .silent else { return }
    let time = now()
    let text: String? = state.withLock { state in
      // A further set begins at 0 again.
      let start = done == 0 ? time : state.start ?? time
      if state.start != start { (state.start, state.lastLine) = (start, time) }
      let line = Self.text(done, of: count, seconds: time - start)
      if style == .live {
        state.isVisible = true
        return "\r\u{1B}[J" + line
      }
      guard time - state.lastLine >= ConsoleReporter.secondsBetweenLines else { return nil }
      state.lastLine = time
      return line + "\n"
    }
    if let text { write(text) }
  }

  /// `decoded 12,345 of 50,000 images, 4,115 images/s, 0:09 left`.
  static func text(_ done: Int, of count: Int, seconds: Double) -> String {
    let text = "decoded \(NumberText.grouped(done)) of \(NumberText.grouped(count)) images"
    guard seconds >= 0.5, done > 0 else { return text }
    let rate = Double(done) / seconds
    return text
      + ", \(NumberText.grouped(Int(rate))) images/s, \(NumberText.clock(seconds: Double(count - done) / rate)) left"
  }

  private func clear() {
    let isVisible = state.withLock { state in
      defer { state = State() }
      return state.isVisible
    }
    if isVisible { write("\r\u{1B}[J") }
  }
}
