/// `g = sum / m`; `v ← momentum·v + (g + decay·w)`; `w ← w − rate·v`, or with Nesterov `w ← w − rate·(g' + momentum·v)`
/// where `g' = g + decay·w`. Every `a·b + c` is one fused multiply-add.
package struct SGDArguments {
  package var sum: UnsafePointer<Float>
  package var weights: UnsafeMutablePointer<Float>
  package var velocity: UnsafeMutablePointer<Float>
  /// A multiple of 16.
  package var count: Int
  package var m: Float
  package var rate: Float
  package var momentum: Float
  package var decay: Float
  package var nesterov: Bool

  package init(
    sum: UnsafePointer<Float>, weights: UnsafeMutablePointer<Float>, velocity: UnsafeMutablePointer<Float>, count: Int,
    m: Float, rate: Float, momentum: Float, decay: Float, nesterov: Bool
  ) {
    self.sum = sum
    self.weights = weights
    self.velocity = velocity
    self.count = count
    self.m = m
    self.rate = rate
    self.momentum = momentum
    self.decay = decay
    self.nesterov = nesterov
  }
}

/// Adam over `count` floats, with weight decay in the gradient (Adam) or beside it (AdamW):
///
/// `g = sum / m + decay·w`; `a ← a + (1 − β₁)·(g − a)`; `b ← β₂·b + (1 − β₂)·g²`;
/// `w ← w − shrink·w − rate · a / (scale·√b + ε)`.
///
/// Every `x·y + z` is one fused multiply-add; `(1 − β₂)·g` and `β₂·b` are rounded before they are used.
package struct AdamArguments {
  package var sum: UnsafePointer<Float>
  package var weights: UnsafeMutablePointer<Float>
  /// The running means a of g, and b of g².
  package var first: UnsafeMutablePointer<Float>
  package var second: UnsafeMutablePointer<Float>
  /// A multiple of 16.
  package var count: Int
  package var m: Float
  package var decay: Float
  package var shrink: Float
  package var rate: Float
  /// `1 − β₁`, `β₂` and `1 − β₂`.
  package var firstShare: Float
  package var secondKept: Float
  package var secondShare: Float
  package var scale: Float
  package var epsilon: Float

  package init(
    sum: UnsafePointer<Float>, weights: UnsafeMutablePointer<Float>, first: UnsafeMutablePointer<Float>,
    second: UnsafeMutablePointer<Float>, count: Int, m: Float, decay: Float, shrink: Float, rate: Float,
    firstShare: Float, secondKept: Float, secondShare: Float, scale: Float, epsilon: Float
  ) {
    self.sum = sum
    self.weights = weights
    self.first = first
    self.second = second
    self.count = count
    self.m = m
    self.decay = decay
    self.shrink = shrink
    self.rate = rate
    self.firstShare = firstShare
    self.secondKept = secondKept
    self.secondShare = secondShare
    self.scale = scale
    self.epsilon = epsilon
  }
}

/// RMSProp over `count` floats: `g = sum / m + decay·w`; `s ← α·s + (1 − α)·g²`; with `mean`, `c ← c + (1 − α)·(g − c)` and
/// `d = √max(s − c², 0) + ε`, else `d = √s + ε`; with `velocity`, `v ← momentum·v + g / d` and `w ← w − rate·v`, else
/// `w ← w − rate·(g / d)`.
///
/// Every `x·y + z` is one fused multiply-add; `(1 − α)·g` and `α·s` are rounded before they are used.
package struct RMSPropArguments {
  package var sum: UnsafePointer<Float>
  package var weights: UnsafeMutablePointer<Float>
  /// The running means s of g², and c of g where the squares are centred.
  package var square: UnsafeMutablePointer<Float>
  package var mean: UnsafeMutablePointer<Float>?
  package var velocity: UnsafeMutablePointer<Float>?
  /// A multiple of 16.
  package var count: Int
  package var m: Float
  package var decay: Float
  package var rate: Float
  package var momentum: Float
  /// `α` and `1 − α`.
  package var kept: Float
  package var share: Float
  package var epsilon: Float

  package init(
    sum: UnsafePointer<Float>, weights: UnsafeMutablePointer<Float>, square: UnsafeMutablePointer<Float>,
    mean: UnsafeMutablePointer<Float>?, velocity: UnsafeMutablePointer<Float>?, count: Int, m: Float, decay: Float,
    rate: Float, momentum: Float, kept: Float, share: Float, epsilon: Float
  ) {
    self.sum = sum
    self.weights = weights
    self.square = square
    self.mean = mean
    self.velocity = velocity
    self.count = count
    self.m = m
    self.decay = decay
    self.rate = rate
    self.momentum = momentum
    self.kept = kept
    self.share = share
    self.epsilon = epsilon
  }
}
