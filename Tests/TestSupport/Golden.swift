import ReferenceKernels
import Storage

/// A file of Tests/Fixtures/golden: tensors named `case.tensor`.
package struct Golden {
  private let tensors: [String: NamedTensor]
  private let file: String

  /// Reads `golden/<name>.safetensors`.
  package init(_ name: String) throws {
    file = fixture("golden/\(name).safetensors")
    tensors = Dictionary(uniqueKeysWithValues: try Safetensors.read(file).tensors.map { ($0.name, $0) })
  }

  /// The cases of a file in alphabetical order, those alone that start with `prefix`; for arguments of tests, which fail
  /// where there are none.
  ///
  /// - Throws: `UserError` where the file is missing or broken, `NoCases` where it has no such case.
  package static func cases(of name: String, _ prefix: String = "") throws -> [String] {
    let golden = try Golden(name)
    let names = golden.tensors.keys.map { $0.split(separator: ".").dropLast().joined(separator: ".") }
    let cases = Set(names).filter { $0.hasPrefix(prefix) }.sorted()
    guard !cases.isEmpty else { throw NoCases(file: golden.file, prefix: prefix) }
    return cases
  }

  package struct NoCases: Error {
    package var file: String
    package var prefix: String
  }

  package func tensor(_ name: String) -> NamedTensor {
    guard let tensor = tensors[name] else { fatalError("\(file) has no tensor \(name).") }
    return tensor
  }

  package func floats(_ name: String) -> [Float] { tensor(name).values }
  package func doubles(_ name: String) -> [Double] { tensor(name).values.map(Double.init) }

  /// A tensor [N, H, W, C], or [N, C] as N×1×1×C.
  package func tensor4(_ name: String) -> Tensor4 {
    let shape = tensor(name).shape
    let middle = shape.count == 4 ? (shape[1], shape[2]) : (1, 1)
    return Tensor4(
      count: shape[0], height: middle.0, width: middle.1, channels: shape[shape.count - 1], values: doubles(name))
  }
}
