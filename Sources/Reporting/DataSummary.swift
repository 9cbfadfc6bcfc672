import Storage

/// What a data set holds: the result of `data info`.
package struct DataSummary: Summary {
  /// One data set, or its absence.
  package struct Set: Sendable {
    package var examples: Int
    package var height: Int
    package var width: Int
    package var channels: Int
    /// Whether pixels are bytes; else 32-bit floats.
    package var isBytes: Bool
    /// Examples of each class.
    package var perClass: [Int]
    /// Of each channel's pixels, scaled as the configuration says.
    package var mean: [Double]
    package var std: [Double]
    /// Files that were left out, and why.
    package var leftOut: [String]

    package init(
      examples: Int, height: Int, width: Int, channels: Int, isBytes: Bool, perClass: [Int], mean: [Double],
      std: [Double], leftOut: [String]
    ) {
      self.examples = examples
      self.height = height
      self.width = width
      self.channels = channels
      self.isBytes = isBytes
      self.perClass = perClass
      self.mean = mean
      self.std = std
      self.leftOut = leftOut
    }
  }

  /// A picture of samples that was written.
  package struct Sheet: Sendable {
    package var file: String
    /// The class of each row.
    package var rows: [Int]
    /// Images of a row, and whether the same follow as augmentation changes them.
    package var samples: Int
    package var isAugmented: Bool

    package init(file: String, rows: [Int], samples: Int, isAugmented: Bool) {
      self.file = file
      self.rows = rows
      self.samples = samples
      self.isAugmented = isAugmented
    }
  }

  package var format: String
  package var scale: Double
  package var training: Set
  package var test: Set?
  package var classNames: [String]?
  package var sheet: Sheet?

  package init(format: String, scale: Double, training: Set, test: Set?, classNames: [String]?) {
    self.format = format
    self.scale = scale
    self.training = training
    self.test = test
    self.classNames = classNames
  }

  package var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("format", .string(format)), .init("scale", .number(scale)), .init("train", json(training)),
    ]
    members.append(.init("test", test.map { json($0) } ?? .null))
    if let sheet { members.append(.init("sheet", .string(sheet.file))) }
    return .object(members)
  }

  private func json(_ set: Set) -> JSONValue {
    .object([
      .init("examples", .integer(set.examples)),
      .init("shape", .array([set.height, set.width, set.channels].map { .integer($0) })),
      .init("type", .string(set.isBytes ? "u8" : "f32")), .init("mean", .array(set.mean.map { .number($0) })),
      .init("std", .array(set.std.map { .number($0) })),
      .init(
        "classes",
        .array(
          set.perClass.enumerated().map { k, count in
            var members: [JSONValue.Member] = [.init("class", .integer(k))]
            if let name = name(k) { members.append(.init("name", .string(name))) }
            return .object(members + [.init("examples", .integer(count))])
          })),
      .init("left_out", .array(set.leftOut.map { .string($0) })),
    ])
  }

  /// The most classes that have a line each.
  private static let mostRows = 100

  package var lines: [String] {
    var facts = TextTable([.left, .left])
    facts.add("format", format)
    facts.add("training", text(training))
    facts.add("test", test.map { text($0) } ?? "none")
    facts.add("scale", JSONValue.number(scale).compactText)
    facts.add("mean", training.mean.map { NumberText.fixed($0, 5) }.joined(separator: ", "))
    facts.add("std", training.std.map { NumberText.fixed($0, 5) }.joined(separator: ", "))
    for set in [training] + (test.map { [$0] } ?? []) where !set.leftOut.isEmpty {
      facts.add("left out", NumberText.count(set.leftOut.count, "file"))
    }
    var classes = TextTable([.left, .right, .right])
    classes.add("class", "training", test == nil ? "" : "test")
    classes.addRule()
    for k in 0..<min(training.perClass.count, Self.mostRows) {
      let tested = test.map { NumberText.grouped(k < $0.perClass.count ? $0.perClass[k] : 0) } ?? ""
      classes.add(name(k).map { "\(k) \($0)" } ?? String(k), NumberText.grouped(training.perClass[k]), tested)
    }
    let rest = training.perClass.count - Self.mostRows
    let table = facts.lines() + [""] + classes.lines() + (rest > 0 ? ["and \(rest) more; --json has all"] : [])
    return table + (sheet.map { [""] + lines($0) } ?? [])
  }

  /// What is where on the sheet.
  private func lines(_ sheet: Sheet) -> [String] {
    var columns = "\(sheet.samples) training images a row as they are"
    if sheet.isAugmented { columns += ", then the same as the first epoch sees them" }
    let rows = sheet.rows.map { k in name(k).map { "\(k) \($0)" } ?? String(k) }
    return ["\(sheet.file): \(columns)", "its rows, from the top: \(rows.joined(separator: ", "))"]
  }

  private func text(_ set: Set) -> String {
    "\(NumberText.count(set.examples, "image")) of \(set.height)×\(set.width)×\(set.channels), "
      + (set.isBytes ? "bytes" : "32-bit floats") + ", in "
      + (set.perClass.count == 1 ? "1 class" : "\(NumberText.grouped(set.perClass.count)) classes")
  }

  private func name(_ k: Int) -> String? { classNames.flatMap { k < $0.count ? $0[k] : nil } }
}
