import Network
import Randomness

/// The initial values of parameters, as their specification says.
///
/// Element i of parameter p is a pure function of (seed, p, i): it does not depend on cores or workers.
package enum InitialWeights {
  /// Writes some elements of `parameter`, number `index` of the table, into the flat buffer, which is 0 before.
  package static func write(
    _ parameter: Parameter, elements: Range<Int>, index: Int, seed: UInt64, into flat: UnsafeMutablePointer<Float>
  ) {
    let base = flat + parameter.offset
    if case .constant(let value) = parameter.specification.initialValue {
      parameter.forEachPackedRun(elements) { _, count, at, step in
        for i in 0..<count { base[at + i * step] = value }
      }
      return
    }
    let deviation = Float((2 / Double(parameter.fanIn)).squareRoot())
    let stream = RandomStream(seed: seed, purpose: .initialWeights, stream: UInt32(truncatingIfNeeded: index))
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 256) { normals in
      var start = elements.lowerBound
      while start < elements.upperBound {
        let part = start..<min(start + normals.count, elements.upperBound)
        stream.normals(from: UInt64(start), into: UnsafeMutableBufferPointer(rebasing: normals[..<part.count]))
        parameter.forEachPackedRun(part) { first, count, at, step in
          for i in 0..<count { base[at + i * step] = normals[first - start + i] * deviation }
        }
        start = part.upperBound
      }
    }
  }
}
