import Foundation
import Glibc
import Testing

/// The live lines of `train` on a pseudo-terminal.
@Suite struct TerminalProgramTests {
  /// What a terminal shows of the bytes that it was sent: as much of one as the program uses.
  struct Screen {
    private(set) var columns: Int
    private(set) var lines: [[Character]] = [[]]
    private var row = 0
    private var column = 0
    /// Characters that went beyond the last column.
    private(set) var wrapped = 0
    private(set) var mostLiveLines = 0

    init(columns: Int) { self.columns = columns }

    /// A window that becomes narrower wraps what it shows, as terminals do that keep their lines whole.
    mutating func resize(columns: Int) {
      var (wrappedLines, newRow): ([[Character]], Int) = ([], row)
      for (index, line) in lines.enumerated() {
        if index == row { newRow = wrappedLines.count }
        var rest = line[...]
        repeat {
          wrappedLines.append(Array(rest.prefix(columns)))
          rest = rest.dropFirst(columns)
        } while !rest.isEmpty
      }
      (lines, row, column, self.columns) = (wrappedLines, newRow, min(column, columns - 1), columns)
    }

    mutating func write(_ text: String) {
      var rest = text.unicodeScalars.map { Character($0) }[...]
      while let character = rest.popFirst() {
        switch character {
        case "\r": column = 0
        case "\n":
          row += 1
          if row == lines.count { lines.append([]) }
        case "\u{1B}":
          _ = rest.popFirst()
          let number = rest.prefix { $0.isNumber }
          rest = rest.dropFirst(number.count)
          switch rest.popFirst() {
          case "A": row = max(0, row - (Int(String(number)) ?? 1))
          case "J":
            lines[row] = Array(lines[row].prefix(column))
            lines.removeLast(lines.count - row - 1)
          case "m": break
          case let other: Issue.record("an unknown sequence: \(String(describing: other))")
          }
        case _:
          if column >= columns { wrapped += 1 }
          while lines[row].count <= column { lines[row].append(" ") }
          lines[row][column] = character
          column += 1
        }
        mostLiveLines = max(mostLiveLines, lines.count - row)
      }
    }

    var text: String { lines.map { String($0) }.joined(separator: "\n") }
  }

  private func setSize(_ descriptor: Int32, columns: Int, rows: Int) {
    var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    #expect(ioctl(descriptor, UInt(TIOCSWINSZ), &size) == 0)
  }

  /// Stops a process; true once each of its threads stands still, false if it has ended.
  private func isStopped(_ process: Int32) -> Bool {
    let tasks = URL(filePath: "/proc/\(process)/task")
    while kill(process, SIGSTOP) == 0 {
      guard let threads = try? FileManager.default.contentsOfDirectory(atPath: tasks.path) else { return false }
      let states = threads.map { thread -> Character? in
        let status = try? String(contentsOf: tasks.appending(path: "\(thread)/stat"), encoding: .utf8)
        // "number (name) state …"
        return status?.split(separator: ")").last?.dropFirst().first
      }
      if states.contains("Z") || states.contains("X") { return false }
      if states.allSatisfy({ $0 == "T" }) { return true }
      usleep(1_000)
    }
    return false
  }

  /// Trains on a terminal for a second; `narrow` is its width from the middle of the run on.
  private func train(
    columns: Int, rows: Int = 24, narrow: Int? = nil, environment: [String: String] = [:]
  ) throws -> (screen: Screen, raw: String) {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      ProgramTests.tiny.replacingOccurrences(of: "epochs: 2", with: "epochs: 1000000, max_seconds: 1.2")
        .replacingOccurrences(of: "examples: 40,", with: "examples: 40000,"), to: "tiny.json")
    // As posix_openpt, unlockpt and ptsname do it, which Swift does not see: TIOCSPTLCK and TIOCGPTN.
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    try #require(master >= 0)
    defer { close(master) }
    var (lock, number): (Int32, UInt32) = (0, 0)
    let isReady = ioctl(master, 0x4004_5431, &lock) == 0 && ioctl(master, 0x8004_5430, &number) == 0
    try #require(isReady)
    let slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
    try #require(slave >= 0)
    setSize(slave, columns: columns, rows: rows)
    let process = Executable.process(
      ["train", file, "--output", "run", "--set", "logging.report=false", "--set", "checkpoint.every_epochs=0"],
      environment: ["TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": ""].merging(environment) { $1 },
      folder: folder.path)
    process.standardError = FileHandle(fileDescriptor: slave, closeOnDealloc: true)
    process.standardOutput = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    var screen = Screen(columns: columns)
    var (raw, pending): (String, [UInt8]) = ("", [])
    var buffer = [UInt8](repeating: 0, count: 65536)
    var draws = 0
    while true {
      var state = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
      if poll(&state, 1, 100) != 1 {
        if !process.isRunning { break }
        kill(process.processIdentifier, SIGCONT)
        continue
      }
      let count = read(master, &buffer, buffer.count)
      guard count > 0 else { break }
      pending += buffer[..<count]
      // A character may be cut in two.
      guard let text = String(validating: pending, as: UTF8.self) else { continue }
      pending = []
      raw += text
      screen.write(text)
      if text.contains("\u{1B}[J") { draws += 1 }
      if draws >= 4, let narrow, screen.columns != narrow {
        // A draw on its way was made for the wide window, so the program stands still until it has been read.
        guard isStopped(process.processIdentifier) else { continue }
        if poll(&state, 1, 0) == 1 { continue }
        setSize(master, columns: narrow, rows: rows)
        screen.resize(columns: narrow)
        kill(process.processIdentifier, SIGCONT)
      }
    }
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(raw)")
    #expect(screen.columns == narrow ?? columns, "the window was never narrowed")
    return (screen, raw)
  }

  @Test("two lines are drawn in place, and nothing of them stays")
  func twoLinesAreDrawnInPlace() throws {
    let (screen, raw) = try train(columns: 100)
    #expect(raw.contains("━") && raw.contains("\u{1B}[36m") && raw.contains("images/s"))
    #expect(screen.wrapped == 0)
    #expect(!screen.text.contains("━") && !screen.text.contains(" left"), "\(screen.text)")
    #expect(screen.text.contains("written to run"))
  }

  @Test("a window that becomes narrow leaves nothing of the lines behind", arguments: [60, 33, 12])
  func aWindowMayBecomeNarrow(narrow: Int) throws {
    let (screen, _) = try train(columns: 120, narrow: narrow)
    #expect(!screen.text.contains("━") && !screen.text.contains(" left"), "\(screen.text)")
  }

  @Test("narrow and low terminals are kept to", arguments: [(20, 24), (5, 24), (80, 2), (80, 1)])
  func smallTerminalsAreKeptTo(columns: Int, rows: Int) throws {
    let (_, raw) = try train(columns: columns, rows: rows)
    if rows <= 2 { #expect(!raw.contains("\u{1B}[1A")) }
    // From the first draw to what takes the last one off; the header and the result wrap.
    let first = try #require(raw.range(of: "\r\u{1B}[J"))
    let last = try #require(raw.range(of: "\r\u{1B}[J", options: .backwards))
    try #require(first.lowerBound < last.lowerBound)
    var screen = Screen(columns: columns)
    screen.write(String(raw[first.lowerBound..<last.upperBound]))
    #expect(screen.wrapped == 0 && screen.mostLiveLines <= (rows <= 2 ? 1 : 2))
  }

  @Test("NO_COLOR and other character sets are minded")
  func coloursAndCharacterSets() throws {
    let (_, plain) = try train(columns: 80, environment: ["NO_COLOR": "1"])
    #expect(plain.contains("━") && !plain.contains("\u{1B}[36m"))
    let (_, ascii) = try train(columns: 80, environment: ["LC_ALL": "de_DE.ISO-8859-1"])
    #expect(ascii.contains("##") && ascii.contains("images/s") && ascii.contains(" | "))
    let others = ascii.filter { !$0.isASCII }
    #expect(others.isEmpty)
  }

  @Test("TERM=dumb has plain lines")
  func aDumbTerminalHasPlainLines() throws {
    let (_, raw) = try train(columns: 80, environment: ["TERM": "dumb"])
    #expect(!raw.contains("\u{1B}") && raw.contains("loss ") && raw.contains("written to run"))
  }
}
