import Configuration
import Diagnostics
import Reporting
import Storage

extension ConfigurationDraft {
  /// The configuration: JSON with a comment beside what was found or chosen.
  ///
  /// - Parameter path: what a path of the data is called in the file.
  package func text(path: (String) -> String) -> String {
    var page = Page()
    let names = classNames.map { ": " + $0.prefix(8).joined(separator: ", ") + ($0.count > 8 ? ", …" : "") } ?? ""
    page.comment("\(NumberText.grouped(examples)) training images of \(input) in \(classes) classes\(names)")
    page.comment("Every key, with its default: lockstep config FILE")
    page.open(nil)
    page.member("name", .string(name), "files of the run go to runs/<name>")
    page.member("seed", .integer(1), "all random numbers follow from it", isLast: false)
    page.open("model")
    page.member("preset", .string(preset.name), "lockstep config FILE prints its layers")
    if let stem {
      page.member(
        "stem", .string(stem.rawValue), stem == .cifar ? "for small images" : "height and width are a quarter after it")
    }
    page.member(
      "input", .array([input.height, input.width, input.channels].map { .integer($0) }), "height, width, channels")
    page.member("classes", .integer(classes), nil, isLast: true)
    page.close()
    addData(to: &page, path)
    addTraining(to: &page)
    page.open("runtime")
    page.member("workers", .string("auto"), "one per usable core; the result does not depend on it", isLast: true)
    page.close(isLast: true)
    page.close(isLast: true)
    return page.text
  }

  private func addData(to page: inout Page, _ path: (String) -> String) {
    func string(_ file: String) -> JSONValue { .string(path(file)) }
    page.open("data")
    page.member("format", .string(source.formatName), nil)
    switch source {
    case .embeddedDigits: break
    case .synthetic(let examples, let testExamples, _):
      page.member("examples", .integer(examples), nil)
      page.member("test_examples", .integer(testExamples), nil)
      page.member("classes", .integer(classes), nil)
    case .idx(let train, let test):
      for (key, files) in [("train", train)] + (test.map { [("test", $0)] } ?? []) {
        page.member(key, .object([.init("images", string(files.images)), .init("labels", string(files.labels))]), nil)
      }
    case .cifar(_, let train, let test):
      for (key, files) in [("train", train), ("test", test)] where !files.isEmpty {
        page.member(key, files.count == 1 ? string(files[0]) : .array(files.map(string)), nil)
      }
    case .arrays(let train, let test):
      for (key, places) in [("train", train)] + (test.map { [("test", $0)] } ?? []) {
        let members: [JSONValue.Member] =
          places.file.map {
            [
              .init("file", string($0)), .init("images", .string(places.images)),
              .init("labels", .string(places.labels)),
            ]
          } ?? [.init("images", string(places.images)), .init("labels", string(places.labels))]
        page.member(key, .object(members), nil)
      }
    case .imageFolder(let folders): add(folders, to: &page, path)
    }
    page.member(
      "scale", .number(statistics.scale), isBytes ? "pixels of 0 to 255 become 0 to 1" : "the largest value becomes 1")
    let count =
      measured < examples ? "\(NumberText.grouped(measured)) training images, evenly chosen" : "all training images"
    page.member("mean", .array(statistics.mean.map { .number(rounded($0)) }), "of each channel, measured on \(count)")
    page.member("std", .array(statistics.std.map { .number(max(1e-6, rounded($0))) }), nil)
    addAugmentation(to: &page)
    page.close()
  }

  private func add(_ folders: DataConfiguration.ImageFolders, to page: inout Page, _ path: (String) -> String) {
    page.member("train", .string(path(folders.train)), "a folder a class")
    if let test = folders.test {
      page.member("test", .string(path(test)), nil)
    } else {
      page.member(
        "validation_split", .number(folders.validationSplit), "of every class; the same images for every seed")
    }
    if let resize = folders.resize {
      page.member(
        "resize", .object([.init("shorter_side", .integer(resize.shorterSide))]),
        "the images are \(sizeText ?? "of several sizes")")
      page.member("crop", .string("center"), nil)
    }
    if folders.onError == .skip {
      page.member("on_error", .string("skip"), "some files are damaged: lockstep data info FILE lists them")
    }
  }

  private func addAugmentation(to page: inout Page) {
    var rules: [(key: String, value: JSONValue, comment: String)] = []
    if canBeMirrored {
      rules.append(("horizontal_flip", .number(0.5), "0 if a mirror image would be of another class"))
    }
    if stretchesCrops {
      let scale = JSONValue.array([.number(0.35), .integer(1)])
      rules.append(
        ("random_resized_crop", .object([.init("scale", scale)]), "a part of the image, stretched to its size"))
    } else if cropPadding > 0 {
      rules.append(
        ("random_crop", .object([.init("padding", .integer(cropPadding))]), "moves the image by so many pixels at most")
      )
    }
    guard !rules.isEmpty else {
      return page.member("augment", .object([]), "nothing: the images are very small", isLast: true)
    }
    page.open("augment")
    for (index, rule) in rules.enumerated() {
      page.member(rule.key, rule.value, rule.comment, isLast: index == rules.count - 1)
    }
    page.close(isLast: true)
  }

  private func addTraining(to page: inout Page) {
    page.open("training")
    page.member("epochs", .integer(epochs), nil)
    page.member("batch_size", .integer(batchSize), "over all workers, never multiplied by them")
    let schedule: JSONValue = .object([.init("type", .string("cosine")), .init("warmup_epochs", .integer(1))])
    if hasNorms {
      // He et al. 2016: 0.1 for batches of 128.
      let optimizer: JSONValue = .object([
        .init("type", .string("sgd")), .init("lr", .number(0.1 * Double(batchSize) / 128)),
        .init("momentum", .number(0.9)),
        .init("nesterov", .bool(true)), .init("weight_decay", .number(0.0005)),
      ])
      page.member("optimizer", optimizer, nil)
    } else {
      page.member("optimizer", .object([.init("type", .string("adam")), .init("lr", .number(0.001))]), nil)
    }
    page.member("lr_schedule", schedule, "falls to 0 over the run", isLast: true)
    page.close()
  }

  /// A measured value, as exact as it has to be.
  private func rounded(_ value: Double) -> Double { (value * 1e6).rounded() / 1e6 }
}

/// Lines of JSON with comments in a column of their own.
private struct Page {
  private(set) var text = ""
  private var depth = 0
  private static let commentColumn = 48

  mutating func comment(_ words: String) { text += "// \(words.onOneLine)\n" }

  mutating func open(_ key: String?) {
    line(key.map { "\(JSONWriter.quoted($0)): {" } ?? "{", nil)
    depth += 1
  }

  mutating func close(isLast: Bool = false) {
    depth -= 1
    line(isLast ? "}" : "},", nil)
  }

  mutating func member(_ key: String, _ value: JSONValue, _ comment: String?, isLast: Bool = false) {
    line("\(JSONWriter.quoted(key)): \(value.excerpt(limit: .max))\(isLast ? "" : ",")", comment)
  }

  private mutating func line(_ content: String, _ comment: String?) {
    var line = String(repeating: " ", count: 2 * depth) + content
    if let comment {
      line += String(repeating: " ", count: max(1, Self.commentColumn - line.count)) + "// \(comment.onOneLine)"
    }
    text += line + "\n"
  }
}
