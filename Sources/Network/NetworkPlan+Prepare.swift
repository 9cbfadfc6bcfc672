extension NetworkPlan {
  /// The transposed weights that input gradients read, of every layer, computed anew after each update.
  ///
  /// Convolution: `[C/32][a'][b'][K][32]` with the kernel flipped, `a' = F − 1 − a`; dense: `[in/32][out][32]`, where
  /// the rows of a map with a halo are blocked one by one. The work is cut into `parts`; part numbers are the same for every caller, so that any number of workers can share it.
  package func prepareWeights(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>, part: Int, of parts: Int
  ) {
    for stage in stages {
      guard case .correlation(let s) = stage, s.needsInputGradient else { continue }
      let weight = parameters.parameters[s.weight]
      // A group is a kernel position, or a row of a dense layer's input map.
      let groups = s.isDense ? s.inputGradientSegments : s.positions
      let lanes = weight.rows / groups
      let terms = roundUp(weight.outputs, to: 16)
      let source = weights + weight.offset
      let target = prepared + s.preparedOffset
      let blocks = roundUp(lanes, to: 32) / 32
      for block in blocks * part / parts..<blocks * (part + 1) / parts {
        for group in 0..<groups {
          let place = s.isDense ? group * blocks + block : block * groups + groups - 1 - group
          let laneCount = min(32, lanes - block * 32)
          for k in 0..<terms {
            let from = source + (k / 32) * weight.rows * 32 + (group * lanes + block * 32) * 32 + k % 32
            let to = target + (place * terms + k) * 32
            for lane in 0..<laneCount { to[lane] = from[lane * 32] }
          }
        }
      }
    }
  }
}
