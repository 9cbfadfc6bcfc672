/// The post's convolution in plain loops: cross-correlation, `Z[n,i,j,k] = Σ_a Σ_b Σ_c X[n,i+a,j+b,c]·W[a,b,c,k] + b[k]`.
package struct ReferenceConvolution: Sendable {
  package let kernelSize: Int
  /// Zero rows and columns before and after the image.
  package let before: Int
  package let after: Int
  package let filters: Int

  /// `same` pads F − 1 in all, (F − 1)/2 rounded down of it before; `valid` pads nothing.
  package init(kernelSize: Int, same: Bool, filters: Int) {
    self.kernelSize = kernelSize
    self.filters = filters
    before = same ? (kernelSize - 1) / 2 : 0
    after = same ? kernelSize - 1 - before : 0
  }

  private func outputs(_ x: Tensor4) -> Tensor4 {
    Tensor4(
      count: x.count, height: x.height + before + after - kernelSize + 1,
      width: x.width + before + after - kernelSize + 1, channels: filters)
  }

  private func weightIndex(_ a: Int, _ b: Int, _ c: Int, _ k: Int, _ channels: Int) -> Int {
    ((a * kernelSize + b) * channels + c) * filters + k
  }

  /// `w` is [a, b, c, k], `bias` [k].
  package func forward(_ x: Tensor4, w: [Double], bias: [Double]) -> Tensor4 {
    var z = outputs(x)
    for n in 0..<z.count {
      for i in 0..<z.height {
        for j in 0..<z.width {
          for k in 0..<filters {
            var sum = bias[k]
            for a in 0..<kernelSize {
              for b in 0..<kernelSize {
                for c in 0..<x.channels {
                  sum += x.padded(n, i + a - before, j + b - before, c) * w[weightIndex(a, b, c, k, x.channels)]
                }
              }
            }
            z[n, i, j, k] = sum
          }
        }
      }
    }
    return z
  }

  /// `dW = 1/m Σ_n Σ_i Σ_j dZ[n,i,j,k]·X[n,i+a,j+b,c]` and `db = 1/m Σ dZ`, with m = the number of examples.
  package func parameterGradients(_ x: Tensor4, dz: Tensor4) -> (dw: [Double], db: [Double]) {
    let m = Double(x.count)
    var dw = [Double](repeating: 0, count: kernelSize * kernelSize * x.channels * filters)
    var db = [Double](repeating: 0, count: filters)
    for n in 0..<dz.count {
      for i in 0..<dz.height {
        for j in 0..<dz.width {
          for k in 0..<filters {
            let g = dz[n, i, j, k]
            db[k] += g
            for a in 0..<kernelSize {
              for b in 0..<kernelSize {
                for c in 0..<x.channels {
                  dw[weightIndex(a, b, c, k, x.channels)] += g * x.padded(n, i + a - before, j + b - before, c)
                }
              }
            }
          }
        }
      }
    }
    return (dw.map { $0 / m }, db.map { $0 / m })
  }

  /// `dX[n,i,j,c] = Σ_k Σ_a Σ_b dZ[n,i−a,j−b,k]·W[a,b,c,k]`, dZ being 0 outside.
  package func inputGradient(_ x: Tensor4, dz: Tensor4, w: [Double]) -> Tensor4 {
    var dx = Tensor4(count: x.count, height: x.height, width: x.width, channels: x.channels)
    for n in 0..<x.count {
      for i in 0..<x.height {
        for j in 0..<x.width {
          for c in 0..<x.channels {
            var sum = 0.0
            for k in 0..<filters {
              for a in 0..<kernelSize {
                for b in 0..<kernelSize {
                  sum += dz.padded(n, i - a + before, j - b + before, k) * w[weightIndex(a, b, c, k, x.channels)]
                }
              }
            }
            dx[n, i, j, c] = sum
          }
        }
      }
    }
    return dx
  }
}
