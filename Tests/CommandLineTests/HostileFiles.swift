import Foundation
import TestSupport
import Testing

/// A file that is not what it should be, how it is used, and how the program must respond.
struct HostileFile: CustomTestStringConvertible, Sendable {
  enum Use: Sendable {
    /// `evaluate` with it as `--weights`.
    case weights
    /// `train` on it as the images or labels of an IDX pair.
    case images, labels
    /// `config` of it.
    case configuration
  }
  let use: Use
  let name: String
  let bytes: @Sendable () -> [UInt8]
  /// All of them must be in the first line of the message.
  let words: [String]

  var testDescription: String { "\(use): \(name)" }

  init(_ use: Use, _ name: String, _ words: String..., bytes: @escaping @Sendable () -> [UInt8]) {
    self.use = use
    self.name = name
    self.words = words
    self.bytes = bytes
  }
}

// MARK: Weights

/// A safetensors file of `header` and `data` zero bytes.
func safetensors(_ header: [UInt8], data: Int = 0) -> [UInt8] {
  (0..<8).map { UInt8(header.count >> (8 * $0) & 255) } + header + [UInt8](repeating: 0, count: data)
}

private func safetensors(_ header: String, data: Int = 0) -> [UInt8] { safetensors(Array(header.utf8), data: data) }

private func tensor(_ name: String, _ shape: String, _ offsets: String, dtype: String = "F32") -> String {
  "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":[\(shape)],\"data_offsets\":[\(offsets)]}"
}

/// For `ProgramTests.tiny`, whose one dense layer has 3×16 weights and 3 biases.
let hostileWeights: [HostileFile] = [
  HostileFile(.weights, "empty", "ends after 0 bytes; 8 are needed at offset 0") { [] },
  HostileFile(.weights, "header above the limit", "18446744073709551615 bytes at offset 0", "100000000") {
    [UInt8](repeating: 255, count: 8) + [0x7B]
  },
  HostileFile(.weights, "header beyond the file", "99999999 bytes at offset 0, but only 2 follow") {
    [0xFF, 0xE0, 0xF5, 0x05, 0, 0, 0, 0, 0x7B, 0x7D]
  },
  HostileFile(.weights, "a pickle", "offset 8: the header starts with byte 128") {
    safetensors([0x80, 0x04, 0x95] + Array("cos\nsystem\n".utf8))
  },
  HostileFile(.weights, "overlap", "begins at byte 0 of the data", "ends at 4: an overlap of 4") {
    safetensors("{\(tensor("a", "1", "0,4")),\(tensor("b", "1", "0,4"))}", data: 4)
  },
  HostileFile(.weights, "hole", "begins at byte 8", "ends at 4: a hole of 4") {
    safetensors("{\(tensor("a", "1", "0,4")),\(tensor("b", "1", "8,12"))}", data: 12)
  },
  HostileFile(.weights, "bytes of no tensor", "holds 64 bytes of data, but its tensors describe 4") {
    safetensors("{\(tensor("a", "1", "0,4"))}", data: 64)
  },
  HostileFile(.weights, "a shape that overflows", "needs more than 9223372036854775807 bytes", "span 0") {
    safetensors("{\(tensor("a", "4611686018427387904", "0,0"))}")
  },
  HostileFile(.weights, "offsets beyond the file", "data_offsets [0, 4294967296]", "≤ 4") {
    safetensors("{\(tensor("a", "1073741824", "0,4294967296"))}", data: 4)
  },
  HostileFile(.weights, "a key twice", "tensor \"a\" appears twice") {
    safetensors("{\(tensor("a", "1", "0,4")),\(tensor("a", "1", "4,8"))}", data: 8)
  },
  HostileFile(.weights, "no UTF-8", "offset 9: the string is not valid UTF-8") {
    safetensors([0x7B, 0x22, 0xC0, 0xAF, 0x22, 0x7D])
  },
  HostileFile(.weights, "another element type", "has dtype \"BF16\"; allowed is F32") {
    safetensors("{\(tensor("a", "2", "0,4", dtype: "BF16"))}", data: 4)
  },
  HostileFile(.weights, "deep nesting", "found '['") {
    safetensors("{\"a\":{\"shape\":" + String(repeating: "[", count: 1_000_000))
  },
  HostileFile(.weights, "too many tensors", "more than 100000 tensors") {
    safetensors("{" + (0...100_000).map { tensor("\($0)", "0", "0,0") }.joined(separator: ",") + "}")
  },
  HostileFile(.weights, "a missing tensor", "lacks the tensor dense_1.bias of shape [3]") {
    safetensors("{\(tensor("dense_1.weight", "3,16", "0,192"))}", data: 192)
  },
  HostileFile(.weights, "a transposed tensor", "has shape [16, 3], but the network needs [3, 16]") {
    safetensors("{\(tensor("dense_1.weight", "16,3", "0,192")),\(tensor("dense_1.bias", "3", "192,204"))}", data: 204)
  },
  HostileFile(.weights, "an extra tensor that steers terminals", "has a tensor ?[2J") {
    let known = "\(tensor("dense_1.weight", "3,16", "0,192")),\(tensor("dense_1.bias", "3", "192,204"))"
    let name = "\\u001b[2J" + String(repeating: "x", count: 100_000)
    return safetensors("{\(known),\(tensor(name, "1", "204,208"))}", data: 208)
  },
]

// MARK: Images and labels

/// For pairs of five images of 4×4 with labels 0, 1, 2, 0, 1.
let hostileImages: [HostileFile] = [
  HostileFile(.images, "empty", "ends after 0 bytes; 4 are needed at offset 0") { [] },
  HostileFile(.images, "a PNG", "is a PNG image, not an IDX file: it starts with bytes 0x89 0x50") {
    [0x89] + Array("PNG\r\n\u{1A}\n0000".utf8)
  },
  HostileFile(.images, "floats", "0x0D (32-bit float) at offset 2") { idx([5, 4, 4], Array(1...80), type: 0x0D) },
  HostileFile(.images, "labels in their place", "has 1 dimensions at offset 3") { idx([5], [0, 1, 2, 0, 1]) },
  HostileFile(.images, "no images", "declares dimension 0 as 0 at offset 4") { idx([0, 4, 4], []) },
  HostileFile(.images, "cut short", "declares 5×4×4 bytes at offset 4, 96 in all, but the file has 95") {
    idx([5, 4, 4], Array(1...79))
  },
  HostileFile(.images, "more than declared", "should end at offset 96, but the file has 97 bytes") {
    idx([5, 4, 4], Array(1...81))
  },
  HostileFile(.images, "sizes that overflow", "declares 4294967295×4294967295×4294967295 bytes at offset 4") {
    idx([0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], [1])
  },
  HostileFile(.images, "another shape", "images are 2×8×1", "model.input is 4×4×1") { idx([5, 2, 8], Array(1...80)) },
  HostileFile(.images, "gzip, cut short", "is cut short", "offset") {
    Array(gzip(idx([5, 4, 4], Array(1...80))).dropLast(9))
  },
  HostileFile(.images, "gzip, damaged", "has damaged gzip data before offset") {
    var bytes = gzip(idx([5, 4, 4], Array(1...80)))
    bytes[bytes.count - 8] ^= 1
    return bytes
  },
  HostileFile(.images, "gzip, more than declared", "should end at offset 96 by its header, but more follow") {
    gzip(idx([5, 4, 4], [UInt8](repeating: 0, count: 64 << 20)))
  },
  HostileFile(.images, "gzip, less than declared", "holds 96 bytes when decompressed; 8000 are needed at offset 16") {
    gzip(idx([5, 40, 40], Array(1...80)))
  },
  HostileFile(.images, "gzip, more declared than it can hold", "declares 4294967295×4×4", "at most", "decompressed") {
    gzip(idx([0xFFFF_FFFF, 4, 4], Array(1...80)))
  },
  HostileFile(.labels, "fewer than images", "declares 4 labels at offset 4, but", "declares 5 images") {
    idx([4], [0, 1, 2, 0])
  },
  HostileFile(.labels, "beyond the classes", "labels reach 9, but the network has 3 outputs") {
    idx([5], [0, 1, 9, 0, 1])
  },
  HostileFile(.labels, "a size beyond the file", "4294967295 bytes at offset 4", "but the file has 9") {
    idx([0xFFFF_FFFF], [1])
  },
]

// MARK: Configurations

private let model =
  "model: {input: [4, 4, 1], layers: [{type: 'flatten'}, {type: 'dense', units: 3}, {type: 'softmax'}]}"

private func text(_ text: String) -> @Sendable () -> [UInt8] { { Array(text.utf8) } }

let hostileConfigurations: [HostileFile] = [
  HostileFile(.configuration, "empty", "line 1, column 1: found the end of the text", bytes: text("")),
  HostileFile(.configuration, "no UTF-8", "found a byte that is not UTF-8 at offset 2") { [0x7B, 0x20, 0xFF, 0x7D] },
  HostileFile(.configuration, "arrays too deep", "line 1, column 65: nested more than 64 deep") {
    [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
  },
  HostileFile(.configuration, "objects too deep", "nested more than 64 deep") {
    Array(String(repeating: "{a:", count: 300_000).utf8)
  },
  HostileFile(.configuration, "too large", "found 1048577 bytes; allowed: a JSON5 text of at most 1048576 bytes") {
    [UInt8](repeating: UInt8(ascii: " "), count: 1_048_577)
  },
  HostileFile(.configuration, "a hundred thousand keys", "a0: unknown key") {
    Array("{\((0..<100_000).map { "a\($0):1" }.joined(separator: ","))}".utf8)
  },
  HostileFile(.configuration, "a key twice", "line 1, column 10: the key \"seed\" appears twice") {
    Array("{seed: 1,seed: 2}".utf8)
  },
  HostileFile(
    .configuration, "a number beyond Double", "found 1e999; allowed: a finite number", bytes: text("{seed: 1e999}")),
  HostileFile(.configuration, "NaN", "found a number that is not finite", bytes: text("{seed: NaN}")),
  HostileFile(
    .configuration, "an integer beyond Int", "seed: found 1e+19; allowed: an integer from 0",
    bytes: text("{\(model), seed: 10000000000000000000}")),
  HostileFile(
    .configuration, "a negative size", "model.input[0]: found -8; allowed: an integer from 1 to 65536",
    bytes: text("{model: {input: [-8, 8, 1], layers: []}}")),
  HostileFile(.configuration, "no end of a comment", "found a comment without an end", bytes: text("{ /* ")),
  HostileFile(
    .configuration, "no end of a string", "found a string without its closing quote", bytes: text("{ name: \"")),
  HostileFile(.configuration, "an array", "found []; allowed: an object", bytes: text("[]")),
  HostileFile(
    .configuration, "a value that steers terminals", "found ?]0;x?}; allowed: a value",
    bytes: text("{ name: \u{1B}]0;x\u{7}}")),
  HostileFile(
    .configuration, "a layer too large for memory", "values; allowed: at most 2147483647",
    bytes: text(
      "{model: {input: [65536, 65536, 1], layers: [{type: 'flatten'}, {type: 'dense', units: 3}, {type: 'softmax'}]}}")
  ),
  HostileFile(.configuration, "CPUs without end", "runtime.placement.cpus: found", "allowed: CPU numbers") {
    let list = String(repeating: "0-65535,", count: 100_000) + "1"
    return Array("{\(model), runtime: {placement: {cpus: '\(list)'}}}".utf8)
  },
]
