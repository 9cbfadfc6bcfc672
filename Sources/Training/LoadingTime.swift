import Configuration
import Datasets
import Diagnostics
import Machine

/// How long one core takes to make training images ready: bytes to floats, changed as the configuration says.
///
/// In a step this is part of computing; here it is measured by itself, on the calling thread.
package enum LoadingTime {
  private static let images = 256
  private static let passes = 9

  /// Nanoseconds per image of several passes over random bytes of the network's input shape, each in an epoch of its own.
  ///
  /// - Throws: `UserError(.systemRefused)` if there is not enough memory.
  package static func nanosecondsPerImage(_ configuration: RunConfiguration) throws(UserError) -> [Double] {
    let input = configuration.model.input
    let count = max(1, min(images, (64 << 20) / input.elementCount))
    let data = try ImageDataset.synthetic(
      examples: count, height: input.height, width: input.width, channels: input.channels, classes: 1,
      seed: configuration.seed, split: .train)
    let normalization = Normalization(configuration.data, channels: input.channels)
    let augmentation = Augmentation(configuration, normalization)
    let scratch = AugmentationScratch(elements: input.elementCount, images: 1)
    let target = FloatScratch(input.elementCount)
    let row = input.width * input.channels
    var times: [Double] = []
    // The first pass warms up.
    for pass in 0...passes {
      let start = monotonicNanoseconds()
      for index in 0..<count {
        if let augmentation {
          _ = augmentation.load(
            data, example: index, epoch: pass, scratch: scratch, into: target.floats, row: row, pixel: input.channels)
        } else {
          normalization.load(data, example: index, into: target.floats, row: row, pixel: input.channels)
        }
      }
      if pass > 0 { times.append(Double(clockSpan(start, monotonicNanoseconds())) / Double(count)) }
    }
    return times
  }
}
