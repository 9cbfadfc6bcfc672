import Diagnostics
import Storage

/// One array in NumPy's format whose header has been read and checked against the content's length.
///
/// ```
/// 0x93 NUMPY, version (2 bytes), header length (2 or 4 bytes),
/// {'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }, content, row-major
/// ```
/// Source: NumPy, "A simple file format for NumPy arrays" (NEP 1).
final class NPYReader {
  /// NumPy's name of the element type, such as `|u1` or `<f4`.
  let elementType: String
  let shape: [Int]
  /// The product of the shape, at least 1.
  let elementCount: Int
  var name: String { content.name }

  private let content: any ContentStream

  /// Reads the header; throws `.badData` for another format, an order or a type that no reader here takes, an empty array,
  /// and a shape that is not what the content holds.
  init(_ content: any ContentStream) throws(UserError) {
    self.content = content
    let header = try Self.header(of: content)
    guard !header.isColumnMajor else {
      throw UserError(
        .badData, content.name, "is in Fortran's order; allowed: C's order", hint: "save numpy.ascontiguousarray(x)")
    }
    (elementType, shape) = (header.elementType, header.shape)
    let size = Int(elementType.suffix(1)) ?? 0
    guard elementType.utf8.count == 3, [1, 2, 4, 8].contains(size) else {
      throw UserError(.badData, content.name, "has elements of type \(elementType); \(Self.allowed)")
    }
    var bytes = size
    for length in shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: length)
      bytes = overflow ? Int.max : product
    }
    guard !shape.contains(0) else { throw UserError(.badData, content.name, "has the shape \(shape), no elements") }
    let (total, overflow) = bytes.addingReportingOverflow(content.position)
    let needed = overflow ? Int.max : total
    guard content.isCompressed ? needed <= content.maximumLength : needed == content.maximumLength else {
      throw UserError(
        .badData, content.name,
        "declares the shape \(shape) of \(elementType), \(needed) bytes with its header, but "
          + (content.isCompressed ? "can hold at most " : "has ") + "\(content.maximumLength)")
    }
    elementCount = bytes / size
  }

  /// The header at the content's start; throws `.badData` for another format.
  static func header(of content: any ContentStream) throws(UserError) -> NPYHeader {
    let magic = try content.read(8)
    guard magic.starts(with: [0x93] + Array("NUMPY".utf8)), (1...3).contains(magic[6]) else {
      throw UserError(
        .badData, content.name, "is not a NumPy array (.npy) of version 1 to 3: it does not start with 0x93 NUMPY")
    }
    let headerLength = magic[6] == 1 ? try content.read(2).number(0, 2) : try content.read(4).number(0, 4)
    guard headerLength <= longestHeader else {
      throw UserError(
        .badData, content.name, "declares a header of \(headerLength) bytes; allowed: at most \(longestHeader)")
    }
    let text = String(decoding: try content.read(headerLength), as: UTF8.self)
    guard let header = NPYHeader(text) else {
      throw UserError(
        .badData, content.name,
        "has the header \(String(text.prefix(200))); allowed: a dictionary of 'descr', "
          + "'fortran_order' and 'shape'")
    }
    return header
  }

  /// Far above what NumPy writes for arrays without fields.
  private static let longestHeader = 65536
  private static let allowed = "allowed are u1 and <f4 for images, and integers for labels"

  /// Bytes, or floats that are all finite.
  ///
  /// - Parameters:
  ///   - place: where they are kept.
  ///   - file: the one that holds the array.
  func readImages(
    _ place: DecodedPlace, file: String
  ) throws(UserError) -> (pixels: ImageDataset.Pixels, mapped: MappedFile?) {
    switch elementType {
    case "|u1":
      let (buffer, mapped) = try place.pixels(
        shape: shape, files: [file], form: name, own: content.placeInFile
      ) { () throws(UserError) in
        try content.check(elementCount)
      } fill: { (buffer: PageBuffer<UInt8>) throws(UserError) in
        try content.read(into: buffer.bytes)
        try content.expectEnd()
      }
      return (.bytes(buffer), mapped)
    case "<f4":
      let (buffer, mapped) = try place.pixels(
        shape: shape, files: [file], form: name, own: content.placeInFile
      ) { () throws(UserError) in
        var first = 0
        try content.check(4 * elementCount) { (bytes) throws(UserError) in
          let floats = bytes.bindMemory(to: Float.self)
          try requireFinite(floats, first: first)
          first += floats.count
        }
      } fill: { (buffer: PageBuffer<Float>) throws(UserError) in
        try content.read(into: buffer.bytes)
        try content.expectEnd()
        try requireFinite(UnsafeBufferPointer(buffer.elements), first: 0)
      }
      return (.floats(buffer), mapped)
    default:
      throw UserError(
        .badData, name, "has pixels of type \(elementType); allowed: u1 (bytes) and <f4 (32-bit floats)",
        hint: "save x.astype(\"float32\"), or bytes where that loses nothing")
    }
  }

  /// - Parameter first: the number of the first of `floats` in the array.
  private func requireFinite(_ floats: UnsafeBufferPointer<Float>, first: Int) throws(UserError) {
    guard let index = floats.firstIndex(where: { !$0.isFinite }) else { return }
    let image = (first + index) / (elementCount / shape[0])
    throw UserError(.badData, name, "holds \(floats[index]) in image \(image); allowed: finite numbers")
  }

  /// The integers of an array of shape [n] or [n, 1]; throws about others, and about numbers below 0 or beyond Int32.
  func readLabels() throws(UserError) -> (labels: PageBuffer<Int32>, largest: Int) {
    let (kind, size) = (elementType.dropLast().last, Int(elementType.suffix(1)) ?? 0)
    guard kind == "u" || kind == "i", elementType.first == (size == 1 ? "|" : "<") else {
      throw UserError(
        .badData, name, "has labels of type \(elementType); allowed: little-endian integers",
        hint: "save y.astype(\"int64\"), for one-hot rows y.argmax(1)")
    }
    guard shape.count == 1 || shape.count == 2 && shape[1] == 1 else {
      throw UserError(.badData, name, "has labels of shape \(shape); allowed: [count] and [count, 1]")
    }
    let labels = try PageBuffer<Int32>(count: elementCount, for: name)
    var largest = 0
    let labelsAtATime = 4096
    for start in stride(from: 0, to: elementCount, by: labelsAtATime) {
      let count = min(labelsAtATime, elementCount - start)
      let bytes = try content.read(count * size)
      for i in 0..<count {
        var label = bytes.number(i * size, size)
        let bits = 8 * size
        if kind == "i", bits < 64, label >= 1 << (bits - 1) { label -= 1 << bits }
        guard (0..<Int(Int32.max)).contains(label) else {
          let shown = kind == "u" && size == 8 ? String(UInt(bitPattern: label)) : String(label)
          throw UserError(.badData, name, "label \(start + i) is \(shown); allowed are 0 to \(Int32.max - 1)")
        }
        labels.elements[start + i] = Int32(truncatingIfNeeded: label)
        largest = max(largest, label)
      }
    }
    try content.expectEnd()
    return (labels, largest)
  }
}

/// The dictionary in an array's header, a Python literal with three known keys.
struct NPYHeader {
  var elementType = ""
  var isColumnMajor = false
  var shape: [Int] = []

  /// `nil` for anything but the three keys once each, in any order.
  init?(_ text: String) {
    var rest = text[...]
    func skip(_ token: String) -> Bool {
      rest = rest.drop { $0 == " " }
      guard rest.hasPrefix(token) else { return false }
      rest = rest.dropFirst(token.count)
      return true
    }
    func quoted() -> String? {
      guard skip("'") else { return nil }
      let word = rest.prefix { $0 != "'" }
      rest = rest.dropFirst(word.count)
      return skip("'") ? String(word) : nil
    }
    var seen: Set<String> = []
    guard skip("{") else { return nil }
    while !skip("}") {
      guard let key = quoted(), seen.insert(key).inserted, skip(":") else { return nil }
      switch key {
      case "descr":
        guard let word = quoted() else { return nil }
        elementType = word
      case "fortran_order":
        isColumnMajor = skip("True")
        guard isColumnMajor || skip("False") else { return nil }
      case "shape":
        guard skip("(") else { return nil }
        while !skip(")") {
          rest = rest.drop { $0 == " " }
          let digits = rest.prefix { $0.isASCII && $0.isNumber }
          guard shape.count < Self.mostDimensions, let length = Int(digits) else { return nil }
          shape.append(length)
          rest = rest.dropFirst(digits.count)
          guard skip(",") || rest.first == ")" else { return nil }
        }
      default: return nil
      }
      guard skip(",") || rest.drop(while: { $0 == " " }).first == "}" else { return nil }
    }
    guard seen.count == 3, rest.allSatisfy({ $0 == " " || $0 == "\n" }) else { return nil }
  }

  private static let mostDimensions = 32
}
