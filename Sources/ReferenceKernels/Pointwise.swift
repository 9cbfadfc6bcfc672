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

/// ReLU up to a limit, of one value: the gradient passes where 0 < x < limit.
package enum ReferenceClippedReLU {
  package static func forward<Value: BinaryFloatingPoint>(_ x: Value, limit: Value) -> Value {
    x > limit ? limit : x > 0 || x.isNaN ? x : 0
  }

  package static func backward<Value: BinaryFloatingPoint>(_ x: Value, da: Value, limit: Value) -> Value {
    x > 0 && x < limit ? da : 0
  }
}

/// GELU (Hendrycks and Gimpel 2016), `x · Φ(x)` with `Φ(x) = erfc(−x / √2) / 2`.
package enum ReferenceGELU {
  package static func forward(_ x: Double) -> Double { x * share(x) }

  /// Its derivative, `Φ(x) + x · φ(x)`.
  package static func slope(_ x: Double) -> Double { share(x) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot() }

  private static func share(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }
}

/// SiLU (Elfwing et al. 2018), `x · σ(x)` with `σ(x) = 1 / (1 + e^−x)`.
package enum ReferenceSiLU {
  package static func forward(_ x: Double) -> Double { x / (1 + exp(-x)) }

  /// Its derivative, `σ(x) · (1 + x · σ(−x))`.
  package static func slope(_ x: Double) -> Double { (1 + x / (1 + exp(x))) / (1 + exp(-x)) }
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
