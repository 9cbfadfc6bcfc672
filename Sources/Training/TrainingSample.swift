import Configuration
import Datasets

/// A training image as the first epoch sees it, in the units of its data set.
package struct TrainingSample {
  package let index: Int
  /// [height, width, channels], after augmentation and before normalisation.
  package let pixels: [Float]

  /// At most `count` examples, evenly spread over a data set, whose files often lie class by class; an example that another
  /// is mixed into is shown with it.
  package static func spread(
    _ count: Int, over dataset: ImageDataset, _ configuration: RunConfiguration
  ) throws -> [TrainingSample] {
    let (channels, row) = (dataset.channels, dataset.width * dataset.channels)
    let elements = dataset.height * row
    let normalization = Normalization(configuration.data, channels: channels)
    let augmentation = Augmentation(configuration, normalization)
    let scratch = AugmentationScratch(elements: elements, images: 1)
    let count = min(count, dataset.count)
    return (0..<count).map { number in
      let index = number * dataset.count / count
      let pixels = [Float](unsafeUninitializedCapacity: elements) { target, filled in
        filled = elements
        guard let values = target.baseAddress else { return }
        values.initialize(repeating: 0, count: elements)
        if let augmentation {
          _ = augmentation.load(
            dataset, example: index, epoch: 0, scratch: scratch, into: values, row: row, pixel: channels)
        } else {
          normalization.load(dataset, example: index, into: values, row: row, pixel: channels)
        }
        for place in 0..<elements { values[place] = normalization.pixel(values[place], place % channels) }
      }
      return TrainingSample(index: index, pixels: pixels)
    }
  }
}
