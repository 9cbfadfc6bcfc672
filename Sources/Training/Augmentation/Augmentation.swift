import Configuration
import Datasets

/// Training images as an epoch sees them: a pure function of (seed, epoch, example), whoever computes it.
///
/// In this order: a crop, or a crop stretched to the image's size; the mirror image; brightness, contrast, saturation; then
/// the pixels become floats (`Normalization`); a rectangle becomes 0; another image is mixed in, as that image's own draws of
/// the epoch have made it but for what is mixed into it. Floats are computed in a fixed order, in Double where a number is
/// not a pixel.
final class Augmentation: Sendable {
  let rules: AugmentConfiguration
  private let seed: UInt64
  private let normalization: Normalization

  /// - Returns: `nil` if no image is changed.
  init?(_ configuration: RunConfiguration, _ normalization: Normalization) {
    guard configuration.data.augment.isOn else { return nil }
    rules = configuration.data.augment
    seed = configuration.seed
    self.normalization = normalization
  }

  /// Writes example `index` as `Normalization.load` does, changed for `epoch`; returns the target that is mixed into its own.
  func load(
    _ dataset: ImageDataset, example index: Int, epoch: Int, scratch: AugmentationScratch,
    into target: UnsafeMutablePointer<Float>, row: Int, pixel: Int
  ) -> MixedTarget {
    let draws = ExampleDraws(seed: seed, epoch: epoch, example: index)
    let image = TargetImage(dataset, target, row: row, pixel: pixel)
    write(dataset, index, draws, isFlipped: isFlipped(index, draws, epoch), scratch.pixels, image)
    guard rules.mixes else { return MixedTarget(label: dataset.labels[index], share: 1) }
    let usesRectangle = rules.cutmix > 0 && (rules.mixup == 0 || draws.uniform(.mixes) < 0.5)
    let share = draws.beta(usesRectangle ? rules.cutmix : rules.mixup)
    let partner = draws.below(dataset.count, .partner)
    let other = TargetImage(dataset, scratch.partner, row: image.width * image.channels, pixel: image.channels)
    let others = ExampleDraws(seed: seed, epoch: epoch, example: partner)
    write(dataset, partner, others, isFlipped: isFlipped(partner, others, epoch), scratch.pixels, other)
    let kept =
      usesRectangle ? image.paste(other, share: share, draws) : image.blend(other, share: Float(share))
    return MixedTarget(label: dataset.labels[partner], share: kept)
  }

  /// Whether an epoch sees the mirror image of an example; alternating ones begin as the first epoch's draw says.
  private func isFlipped(_ index: Int, _ draws: ExampleDraws, _ epoch: Int) -> Bool {
    guard rules.alternatesFlips else { return rules.flip > 0 && draws.uniform(.flip) < rules.flip }
    let isFlippedAtFirst = ExampleDraws(seed: seed, epoch: 0, example: index).uniform(.flip) < 0.5
    return isFlippedAtFirst == epoch.isMultiple(of: 2)
  }

  /// An example without what is mixed into it.
  private func write(
    _ dataset: ImageDataset, _ index: Int, _ draws: ExampleDraws, isFlipped: Bool,
    _ pixels: UnsafeMutablePointer<Float>, _ image: TargetImage
  ) {
    let raw = RawImage(pixels, height: dataset.height, width: dataset.width, channels: dataset.channels)
    var (top, left) = (0, 0)
    if let crop = rules.crop {
      top = draws.below(2 * crop.padding + 1, .top) - crop.padding
      left = draws.below(2 * crop.padding + 1, .left) - crop.padding
    }
    if rules.resizedCrop == nil, rules.jitter == nil,
      let moved = MovedImage(dataset, index, top: top, left: left, isFlipped: isFlipped)
    {
      moved.load(normalization.table, into: image)
    } else {
      if let crop = rules.resizedCrop {
        raw.stretch(dataset, index, SourceBox(crop, draws, height: raw.height, width: raw.width), isFlipped: isFlipped)
      } else {
        raw.copy(dataset, index, top: top, left: left, isFlipped: isFlipped)
      }
      if let jitter = rules.jitter { raw.jitter(jitter, draws) }
      normalization.load(raw, into: image)
    }
    if rules.erasing > 0, draws.uniform(.erases) < rules.erasing { image.erase(draws) }
  }
}

/// What is mixed into the target of an example: a share of 1 is the example's own label alone.
struct MixedTarget {
  var label: Int32
  /// Of the example's own label; the rest is that of `label`.
  var share: Float
}

/// A worker's memory for augmentation.
///
/// `@unchecked Sendable`: it belongs to one worker.
final class AugmentationScratch: @unchecked Sendable {
  /// [height, width, channels] each: pixels before they are normalised, and the image that is mixed in.
  let pixels: UnsafeMutablePointer<Float>
  let partner: UnsafeMutablePointer<Float>
  /// What is mixed into the targets of a run's images.
  let labels: UnsafeMutablePointer<Int32>
  let shares: UnsafeMutablePointer<Float>

  /// - Parameters:
  ///   - elements: of an image.
  ///   - images: of a run.
  init(elements: Int, images: Int) {
    pixels = .allocate(capacity: elements)
    partner = .allocate(capacity: elements)
    labels = .allocate(capacity: images)
    shares = .allocate(capacity: images)
    pixels.initialize(repeating: 0, count: elements)
    partner.initialize(repeating: 0, count: elements)
    labels.initialize(repeating: 0, count: images)
    shares.initialize(repeating: 1, count: images)
  }

  deinit {
    pixels.deallocate()
    partner.deallocate()
    labels.deallocate()
    shares.deallocate()
  }
}
