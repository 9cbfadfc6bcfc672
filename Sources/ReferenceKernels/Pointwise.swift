#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// ReLU, the post's `np.multiply(z, z > 0)` and its derivative `z > 0`.
package enum ReferenceReLU {
  package static func forward(_ z: [Double]) -> [Double] { z.map { $0 > 0 ? $0 : 0 } }
  package static func backward(_ z: [Double], da: [Double]) -> [Double] { zip(z, da).map { $0 > 0 ? $1 : 0 } }
}

/// Leaky ReLU (Maas et al. 2013), of one value: in Double what is computed, in Float how the kernels round.
package enum ReferenceLeakyReLU {
  package static func forward<Value: BinaryFloatingPoint>(_ x: Value, slope: Value) -> Value { x < 0 ? slope * x : x }

  package static func backward<Value: BinaryFloatingPoint>(_ x: Value, da: Value, slope: Value) -> Value {
    x > 0 ? da : slope * da
  }
}

/// Softmax with cross-entropy: `ŷ = e^z / Σ e^z`, `J = −1/m Σ log ŷ[label]`, `dZ = ŷ − y` (of the summed loss).
package enum ReferenceSoftmax {
  /// `logits` is [m, classes].
  package static func evaluate(_ logits: [Double], classes: Int, labels: [Int]) -> (
    probabilities: [Double], loss: Double, dz: [Double]
  ) {
    var probabilities = logits
    var loss = 0.0
    var dz = logits
    for (n, label) in labels.enumerated() {
      let row = n * classes..<(n + 1) * classes
      let largest = logits[row].max() ?? 0
      let sum = logits[row].reduce(0) { $0 + exp($1 - largest) }
      for k in row { probabilities[k] = exp(logits[k] - largest) / sum }
      loss += log(sum) - (logits[row.lowerBound + label] - largest)
      for k in row { dz[k] = probabilities[k] - (k - row.lowerBound == label ? 1 : 0) }
    }
    return (probabilities, loss / Double(labels.count), dz)
  }
}
