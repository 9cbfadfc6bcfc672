import KernelInterface
import Randomness

/// Dropout (Srivastava et al. 2014): each element is 0 with probability `rate`, else multiplied by 1 / (1 − rate).
package struct ReferenceDropout: Sendable {
  package var rate: Double
  /// The layer's number in the model.
  package var layer: Int

  package init(rate: Double, layer: Int) {
    self.rate = rate
    self.layer = layer
  }

  /// Forward pass; the gradient's is the same.
  package func apply(_ x: Tensor4, _ draws: ReferenceDraws) -> Tensor4 {
    let size = x.values.count / x.count
    var result = x
    for n in 0..<x.count {
      for (element, keeps) in kept(size, draws, example: draws.examples?[n] ?? n).enumerated() {
        result.values[n * size + element] *= keeps ? 1 / (1 - rate) : 0
      }
    }
    return result
  }

  private func kept(_ elements: Int, _ draws: ReferenceDraws, example: Int) -> [Bool] {
    let place = DropoutStream(layer: layer, epoch: draws.epoch, example: example)
    let random = RandomStream(seed: draws.seed, purpose: DropoutStream.purpose, stream: place.stream)
    let threshold = DropoutStream.threshold(rate: rate)
    return (0..<elements).map { element in
      let word = random.bits(place.first + UInt64(element / 8))[element % 8 / 2]
      return UInt16(truncatingIfNeeded: word >> (element % 2 == 0 ? 0 : 16)) >= threshold
    }
  }
}

/// What random decisions of a pass depend on.
package struct ReferenceDraws: Hashable, Sendable {
  package var seed: UInt64
  package var epoch: Int
  /// Numbers of the examples in their data set; `nil` for 0, 1, 2 …
  package var examples: [Int]?

  package init(seed: UInt64 = 0, epoch: Int = 0, examples: [Int]? = nil) {
    self.seed = seed
    self.epoch = epoch
    self.examples = examples
  }
}

/// Dropout's kernels.
extension NaiveKernels {
  package static func dropoutMask(_ s: DropoutMask) {
    for word in 0..<(s.elements + 31) / 32 { s.mask[word] = 0 }
    let key = SIMD2(UInt32(truncatingIfNeeded: s.seed), UInt32(truncatingIfNeeded: s.seed >> 32))
    for block in 0..<4 * ((s.elements + 31) / 32) {
      let index = s.firstBlock + UInt64(block)
      let counter = SIMD4(
        UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32), s.stream, s.purpose)
      let bits = Philox4x32.block(counter: counter, key: key)
      for element in 0..<8 {
        let own = bits[element / 2] >> UInt32(16 * (element % 2)) & 0xFFFF
        if own >= UInt32(s.threshold) { s.mask[block / 4] |= 1 << Int32(8 * (block % 4) + element) }
      }
    }
  }

  package static func dropout(_ s: DropoutArguments) {
    for pixel in 0..<s.pixels {
      for channel in 0..<s.channels {
        let bit = s.firstBit + pixel * s.channels + channel
        let keeps = s.mask[bit / 32] >> Int32(bit % 32) & 1 != 0
        let at = pixel * s.stride + channel
        s.out[at] = keeps ? s.x[at] * s.scale : 0
      }
    }
  }
}
