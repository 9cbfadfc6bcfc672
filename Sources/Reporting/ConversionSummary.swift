import Storage

/// The result of `data convert`.
package struct ConversionSummary: Summary {
  package var file: String
  package var images: Int
  package var testImages: Int?
  /// Height, width, channels.
  package var shape: [Int]
  package var isBytes: Bool
  package var classNames: [String]?

  package init(file: String, images: Int, testImages: Int?, shape: [Int], isBytes: Bool, classNames: [String]?) {
    self.file = file
    self.images = images
    self.testImages = testImages
    self.shape = shape
    self.isBytes = isBytes
    self.classNames = classNames
  }

  package var json: JSONValue {
    .object([
      .init("output", .string(file)), .init("examples", .integer(images)),
      .init("test_examples", testImages.map { .integer($0) } ?? .null),
      .init("shape", .array(shape.map { .integer($0) })), .init("type", .string(isBytes ? "u8" : "f32")),
      .init("class_names", classNames.map { .array($0.map { .string($0) }) } ?? .null),
    ])
  }

  package var lines: [String] {
    var table = TextTable([.left, .left])
    func array(_ name: String, _ count: Int) {
      table.add(
        "x_\(name)", "[\(([count] + shape).map(String.init).joined(separator: ", "))] \(isBytes ? "u8" : "f32")")
      table.add("y_\(name)", "[\(count)] i32")
    }
    array("train", images)
    if let testImages { array("test", testImages) }
    if let classNames { table.add("class_names", "[\(classNames.count)]") }
    return ["written to \(file)"] + table.lines(indentation: 2)
  }
}
