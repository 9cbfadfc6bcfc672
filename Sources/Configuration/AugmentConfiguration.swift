/// The `data.augment` section: how training images are changed anew in every epoch.
package struct AugmentConfiguration: Hashable, Sendable {
  /// A part of the image and its surroundings, of the image's size.
  package struct Crop: Hashable, Sendable {
    /// Zeros on each side of the image.
    package var padding: Int

    package init(padding: Int = 0) { self.padding = padding }
  }

  /// A part of the image, of another size and shape, stretched to the image's size.
  package struct ResizedCrop: Hashable, Sendable {
    /// The least and the largest share of the image's area.
    package var scale: [Double]
    /// The least and the largest quotient of width and height.
    package var ratio: [Double]

    package init(scale: [Double] = [0.08, 1], ratio: [Double] = [0.75, 4.0 / 3]) {
      self.scale = scale
      self.ratio = ratio
    }
  }

  /// How far factors may lie from 1.
  package struct Jitter: Hashable, Sendable {
    package var brightness = 0.0
    package var contrast = 0.0
    package var saturation = 0.0

    package init() {}
  }

  /// Probability of a mirror image.
  package var flip = 0.0
  /// Whether the mirror image comes in every other epoch instead, from the first or the second one on by chance.
  package var alternatesFlips = false
  package var crop: Crop?
  package var resizedCrop: ResizedCrop?
  package var jitter: Jitter?
  /// Probability that a rectangle is erased.
  package var erasing = 0.0
  /// The parameters of the beta distributions by which two images, or a rectangle of one in the other, are mixed; 0: never.
  package var mixup = 0.0
  package var cutmix = 0.0

  package init() {}

  /// Whether any image is changed.
  package var isOn: Bool { self != AugmentConfiguration() }
  /// Whether examples have two labels.
  package var mixes: Bool { mixup > 0 || cutmix > 0 }
}
