import Storage

/// The result of `export`.
package struct ExportSummary: Summary {
  package var format: String
  package var file: String
  /// Of all tensors, running statistics included.
  package var values: Int
  package var weightsDigest: String
  /// Of an ONNX model.
  package var opset: Int?

  package init(format: String, file: String, values: Int, weightsDigest: String, opset: Int? = nil) {
    self.format = format
    self.file = file
    self.values = values
    self.weightsDigest = weightsDigest
    self.opset = opset
  }

  package var json: JSONValue {
    .object(
      [
        .init("format", .string(format)), .init("output", .string(file)), .init("values", .integer(values)),
        .init("weights_digest", .string(weightsDigest)),
      ] + (opset.map { [.init("opset", .integer($0))] } ?? []))
  }

  package var lines: [String] {
    let what = format == "onnx" ? "a model" : "\(format) weights"
    return ["\(what) of \(NumberText.count(values, "value")) written to \(file)"]
  }
}

/// The result of `import`.
package struct ImportSummary: Summary {
  package var format: String
  package var file: String
  package var tensors: Int
  /// Tensors that start anew, and those of the file that were left out.
  package var new: [String]
  package var ignored: [String]
  package var weightsDigest: String

  package init(
    format: String, file: String, tensors: Int, new: [String], ignored: [String], weightsDigest: String
  ) {
    self.format = format
    self.file = file
    self.tensors = tensors
    self.new = new
    self.ignored = ignored
    self.weightsDigest = weightsDigest
  }

  package var json: JSONValue {
    .object([
      .init("format", .string(format)), .init("output", .string(file)), .init("tensors", .integer(tensors)),
      .init("new", .array(new.map { .string($0) })), .init("ignored", .array(ignored.map { .string($0) })),
      .init("weights_digest", .string(weightsDigest)),
    ])
  }

  package var lines: [String] {
    var lines = ["\(NumberText.count(tensors, "tensor")) written to \(file)"]
    if !new.isEmpty { lines.append("new, at random: \(new.joined(separator: ", "))") }
    if !ignored.isEmpty { lines.append("left out: \(NumberText.count(ignored.count, "tensor")) of the file") }
    return lines
  }
}
