import KernelInterface

extension NetworkPlan {
  /// What convolutions read instead of their weights, computed anew after each update.
  ///
  /// - Direct input gradient: `[C/32][a'][b'][K][32]`, the kernel flipped: `a' = F − 1 − a`.
  /// - Winograd forward: `GWGᵀ` as `[products][K/32][C][32]`; input gradient: of the flipped kernel, `[products][C/32][K][32]`.
  ///
  /// The work is cut into `parts` that any number of workers can share; `scratch` is the caller's workspace.
  package func prepareWeights(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>, scratch: Workspace, part: Int,
    of parts: Int, kernels: KernelTable
  ) {
    for (i, stage) in stages.enumerated() {
      guard case .convolution(let s) = stage else { continue }
      let weight = parameters.parameters[s.weight]
      let source = weights + weight.offset
      if let plan = s.winograd {
        for block in weight.blocks * part / parts..<weight.blocks * (part + 1) / parts {
          kernels.winogradKernel(
            WinogradKernel(
              size: plan.size, count: plan.channels,
              taps: UnsafeMutablePointer(mutating: source + block * weight.rows * 32), tap: plan.channels * 32,
              tapStep: 32, domain: prepared + s.preparedForward + block * plan.channels * 32,
              plane: plan.forwardWeightPlane, domainStep: 32))
        }
      }
      guard s.needsInputGradient else { continue }
      let channels = maps[i].channelStride
      let filters = maps[i + 1].channelStride
      let blocks = roundUp(channels, to: 32) / 32
      for block in blocks * part / parts..<blocks * (part + 1) / parts {
        let lanes = min(32, channels - block * 32)
        if let plan = s.winograd {
          var k = 0
          while k < filters {
            // Sixteen filters at a time: [k][a'][b'][32 channels].
            transpose(
              source, rows: weight.rows, positions: s.positions, channels: channels, firstChannel: block * 32,
              lanes: lanes, filters: k..<k + 16, into: scratch.scratch, filterStride: s.positions * 32,
              positionStride: 32)
            kernels.winogradKernel(
              WinogradKernel(
                size: plan.size, count: 16, taps: scratch.scratch, tap: 32, tapStep: s.positions * 32,
                domain: prepared + s.preparedBackward + (block * filters + k) * 32, plane: plan.backwardWeightPlane,
                domainStep: 32))
            k += 16
          }
        } else {
          transpose(
            source, rows: weight.rows, positions: s.positions, channels: channels, firstChannel: block * 32,
            lanes: lanes, filters: 0..<filters,
            into: prepared + s.preparedBackward + block * s.positions * filters * 32, filterStride: 32,
            positionStride: filters * 32)
        }
      }
    }
  }

  /// Floats of scratch that `prepareWeights` uses.
  static let prepareScratchFloats = 16 * 25 * 32

  /// Turns `[K/32][position][C][32]` into lanes of channels with the positions reversed.
  private func transpose(
    _ source: UnsafePointer<Float>, rows: Int, positions: Int, channels: Int, firstChannel: Int, lanes: Int,
    filters: Range<Int>, into target: UnsafeMutablePointer<Float>, filterStride: Int, positionStride: Int
  ) {
    for position in 0..<positions {
      let to = target + (positions - 1 - position) * positionStride
      for lane in 0..<lanes {
        let row = position * channels + firstChannel + lane
        for k in filters {
          to[(k - filters.lowerBound) * filterStride + lane] = source[(k / 32 * rows + row) * 32 + k % 32]
        }
      }
    }
  }
}
