import KernelInterface

/// See `SoftmaxArguments`.
func softmax(_ s: SoftmaxArguments) {
  assert(s.mistake == nil, s.mistake ?? "")
  let isShared = s.smoothing > 0 || s.others != nil
  let uniform = s.smoothing / Float(max(s.classes, 1))
  for n in 0..<s.examples {
    let z = s.logits + n * s.stride
    var largest = z[0]
    var prediction = 0
    for k in 1..<max(s.classes, 1) where z[k] > largest {
      largest = z[k]
      prediction = k
    }
    // A pass over 16 lanes at a time for e^(z − max), then the sum in class order.
    let gradient = s.gradient.map { $0 + n * s.gradientStride }
    guard let y = s.probabilities.map({ $0 + n * s.stride }) ?? gradient else {
      fatalError("Softmax needs memory for its probabilities or its gradient.")
    }
    var lane = 0
    while lane < s.classes {
      store(exponential(load(z + lane, as: Vector16.self) - Vector16(repeating: largest)), y + lane)
      lane += 16
    }
    // A logit that is not finite makes the sum, and so the loss, NaN.
    var sum: Float = 0
    for k in 0..<s.classes { sum += y[k] + z[k] * 0 }
    for k in s.classes..<lane { y[k] = 0 }
    for k in 0..<s.classes { y[k] /= sum }
    let label = Int(s.labels[n])
    if label >= 0 {
      s.losses[n] = sum.isNaN ? sum : logarithm(sum) - (z[label] - largest)
      if isShared, !sum.isNaN {
        var spread: Float = 0
        for k in 0..<s.classes { spread += z[k] - largest }
        let (first, second, other) = s.shares(n, label)
        let terms = first * (z[label] - largest) + second * (z[other] - largest)
        s.losses[n] = logarithm(sum) - (terms + uniform * spread)
      }
      s.correct[n] = prediction == label ? 1 : 0
    } else {
      s.losses[n] = 0
      s.correct[n] = 0
    }
    if let g = gradient {
      if g != y {
        for k in 0..<lane { g[k] = y[k] }
      }
      if label >= 0, isShared {
        let (first, second, other) = s.shares(n, label)
        for k in 0..<s.classes { g[k] -= uniform }
        g[label] -= first
        g[other] -= second
      } else if label >= 0 {
        g[label] -= 1
      }
    }
  }
}

extension SoftmaxArguments {
  /// The target's parts at the label and at the second label of example n.
  @inline(__always)
  fileprivate func shares(_ n: Int, _ label: Int) -> (first: Float, second: Float, other: Int) {
    guard let others, let shares else { return (1 - smoothing, 0, label) }
    return ((1 - smoothing) * shares[n], (1 - smoothing) * (1 - shares[n]), Int(others[n]))
  }
}
