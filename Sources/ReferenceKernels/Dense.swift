/// The post's fully connected layer in plain loops: `Z = W·A + b` for each example; `w` is [out, in].
package struct ReferenceDense: Sendable {
  package let inputs: Int
  package let outputs: Int

  package init(inputs: Int, outputs: Int) {
    self.inputs = inputs
    self.outputs = outputs
  }

  /// `a` is [m, in]; the result [m, out].
  package func forward(_ a: [Double], w: [Double], bias: [Double]?) -> [Double] {
    let m = a.count / inputs
    var z = [Double](repeating: 0, count: m * outputs)
    for n in 0..<m {
      for o in 0..<outputs {
        var sum = bias?[o] ?? 0
        for i in 0..<inputs { sum += w[o * inputs + i] * a[n * inputs + i] }
        z[n * outputs + o] = sum
      }
    }
    return z
  }

  /// `dW = 1/m dZ·Aᵀ`, `db = 1/m Σ_n dZ`, `dA = Wᵀ·dZ`.
  package func backward(_ a: [Double], dz: [Double], w: [Double]) -> (dw: [Double], db: [Double], da: [Double]) {
    let m = a.count / inputs
    var dw = [Double](repeating: 0, count: outputs * inputs)
    var db = [Double](repeating: 0, count: outputs)
    var da = [Double](repeating: 0, count: a.count)
    for n in 0..<m {
      for o in 0..<outputs {
        let g = dz[n * outputs + o]
        db[o] += g / Double(m)
        for i in 0..<inputs {
          dw[o * inputs + i] += g * a[n * inputs + i] / Double(m)
          da[n * inputs + i] += g * w[o * inputs + i]
        }
      }
    }
    return (dw, db, da)
  }
}
