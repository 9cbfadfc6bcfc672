/// Batch norm over all examples and pixels of a batch, by channel, in Double and in two passes.
package struct ReferenceBatchNorm {
  package var epsilon: Double
  /// γ and β; `nil` stands for ones, and for zeros.
  package var scale: [Double]?
  package var shift: [Double]?

  package init(epsilon: Double, scale: [Double]?, shift: [Double]?) {
    self.epsilon = epsilon
    self.scale = scale
    self.shift = shift
  }

  /// Mean of the batch and variance over its n values, of one channel.
  package static func moments(_ x: Tensor4, _ channel: Int) -> (mean: Double, variance: Double) {
    let values = stride(from: channel, to: x.values.count, by: x.channels).map { x.values[$0] }
    let mean = values.reduce(0, +) / Double(values.count)
    return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
  }

  /// Forward pass over groups of so many examples, each by itself.
  package func forward(_ x: Tensor4, groupsOf size: Int) -> Tensor4 {
    var out = x
    for group in Self.groups(x.count, size) { out.set(group, forward(x.examples(group))) }
    return out
  }

  /// Gradients of the same, those by γ and β added over the groups.
  package func backward(
    _ x: Tensor4, dout: Tensor4, groupsOf size: Int
  ) -> (dx: Tensor4, dScale: [Double], dShift: [Double]) {
    var dx = x
    var (dScale, dShift) = ([Double](repeating: 0, count: x.channels), [Double](repeating: 0, count: x.channels))
    for group in Self.groups(x.count, size) {
      let own = backward(x.examples(group), dout: dout.examples(group))
      dx.set(group, own.dx)
      dScale = zip(dScale, own.dScale).map(+)
      dShift = zip(dShift, own.dShift).map(+)
    }
    return (dx, dScale, dShift)
  }

  private static func groups(_ count: Int, _ size: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
  }

  package func forward(_ x: Tensor4) -> Tensor4 {
    var out = x
    for c in 0..<x.channels {
      let (mean, variance) = Self.moments(x, c)
      for i in stride(from: c, to: x.values.count, by: x.channels) {
        out.values[i] = (scale?[c] ?? 1) * (x.values[i] - mean) / (variance + epsilon).squareRoot() + (shift?[c] ?? 0)
      }
    }
    return out
  }

  /// Gradients by the input, γ and β of what `dout` is the gradient of; none is divided by the number of examples.
  package func backward(_ x: Tensor4, dout: Tensor4) -> (dx: Tensor4, dScale: [Double], dShift: [Double]) {
    var dx = x
    var (dScale, dShift) = ([Double](repeating: 0, count: x.channels), [Double](repeating: 0, count: x.channels))
    let count = Double(x.values.count / x.channels)
    for c in 0..<x.channels {
      let (mean, variance) = Self.moments(x, c)
      let inverse = 1 / (variance + epsilon).squareRoot()
      let places = stride(from: c, to: x.values.count, by: x.channels)
      for i in places {
        dScale[c] += dout.values[i] * (x.values[i] - mean) * inverse
        dShift[c] += dout.values[i]
      }
      for i in places {
        let normalized = (x.values[i] - mean) * inverse
        dx.values[i] =
          (scale?[c] ?? 1) * inverse * (dout.values[i] - dShift[c] / count - normalized * dScale[c] / count)
      }
    }
    return (dx, dScale, dShift)
  }
}
