import Network
import Randomness

/// The initial values of parameters, as their specification says.
///
/// Element i of parameter p is a pure function of (seed, p, i): it does not depend on cores or workers. What is measured on the
/// training set instead, see `PatchWhitening`, is drawn here for commands that have none.
package enum InitialWeights {
  /// Writes some elements of `parameter`, number `index` of the table, into the flat buffer, which is 0 before.
  package static func write(
    _ parameter: Parameter, elements: Range<Int>, index: Int, seed: UInt64, into flat: UnsafeMutablePointer<Float>
  ) {
    let base = flat + parameter.offset
    let stream = RandomStream(seed: seed, purpose: .initialWeights, stream: UInt32(truncatingIfNeeded: index))
    let (fanIn, fanOut) = (Double(parameter.fanIn), Double(parameter.fanOut))
    switch parameter.specification.initialValue {
    case .heNormal, .patchWhitening:
      writeNormals(parameter, elements, deviation: Float((2 / fanIn).squareRoot()), stream, into: base)
    case .heUniform: writeUniforms(parameter, elements, limit: (6 / fanIn).squareRoot(), stream, into: base)
    case .glorotUniform:
      writeUniforms(parameter, elements, limit: (6 / (fanIn + fanOut)).squareRoot(), stream, into: base)
    case .dirac(let middle, let groups, let drawsOthers):
      let limit = (1 / fanIn).squareRoot()
      write(parameter, elements, into: base) {
        if drawsOthers, !parameter.outputRepeats($0, groups: groups) { return uniform(stream, $0, limit) }
        return parameter.repeatsInput($0, middle: middle, groups: groups) ? 1 : 0
      }
    case .constant(let value): write(parameter, elements, into: base) { _ in value }
    }
  }

  private static func writeNormals(
    _ parameter: Parameter, _ elements: Range<Int>, deviation: Float, _ stream: RandomStream,
    into base: UnsafeMutablePointer<Float>
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 256) { normals in
      var start = elements.lowerBound
      while start < elements.upperBound {
        let part = start..<min(start + normals.count, elements.upperBound)
        stream.normals(from: UInt64(start), into: UnsafeMutableBufferPointer(rebasing: normals[..<part.count]))
        write(parameter, part, into: base) { normals[$0 - start] * deviation }
        start = part.upperBound
      }
    }
  }

  /// Between ±`limit`, rounded once.
  private static func writeUniforms(
    _ parameter: Parameter, _ elements: Range<Int>, limit: Double, _ stream: RandomStream,
    into base: UnsafeMutablePointer<Float>
  ) {
    write(parameter, elements, into: base) { uniform(stream, $0, limit) }
  }

  @inline(__always)
  private static func uniform(_ stream: RandomStream, _ element: Int, _ limit: Double) -> Float {
    Float((2 * stream.uniform(UInt64(element)) - 1) * limit)
  }

  @inline(__always)
  private static func write(
    _ parameter: Parameter, _ elements: Range<Int>, into base: UnsafeMutablePointer<Float>, _ value: (Int) -> Float
  ) {
    parameter.forEachPackedRun(elements) { first, count, at, step in
      for i in 0..<count { base[at + i * step] = value(first + i) }
    }
  }

  /// The initial values of `parameter`, number `index` of the table, in its public layout.
  package static func values(of parameter: Parameter, index: Int, seed: UInt64) -> [Float] {
    let table = ParameterTable([parameter])
    let alone = table.parameters[0]
    var flat = [Float](repeating: 0, count: table.packedCount)
    return flat.withUnsafeMutableBufferPointer { flat in
      guard let start = flat.baseAddress else { return [] }
      write(alone, elements: 0..<alone.elementCount, index: index, seed: seed, into: start)
      return table.unpack(alone, from: start)
    }
  }
}
