internal import Storage

/// The configuration's section `data.augment`: how training images are changed, anew in every epoch.
///
/// What happens to an image is a pure function of seed, epoch and example.
public struct Augmentation: Sendable, Hashable {
  /// The probability of the mirror image.
  public var horizontalFlip = 0.0
  /// Whether each image's mirror image comes in every other epoch instead, from the first or the second one on by chance.
  public var alternatesFlips = false
  /// A part of the image's size out of the image with so many zeros on each side, all places equally likely; `nil`: none.
  public var randomCropPadding: Int?
  /// A part of the image, stretched to the image's size by linear interpolation; `nil` for none.
  public var randomResizedCrop: ResizedCrop?
  /// Factors of brightness, then contrast, then saturation; `nil` for none.
  public var colorJitter: ColorJitter?
  /// The probability that a rectangle of 2 to 33 % of the image becomes 0, the mean.
  public var randomErasing = 0.0
  /// With α above 0, an image becomes λ of itself and 1 − λ of another, λ from Beta(α, α); so does its target.
  public var mixup = 0.0
  /// With α above 0, a rectangle of 1 − λ of the image becomes that of another, λ from Beta(α, α).
  public var cutmix = 0.0

  /// None.
  public init() {}

  /// A part of an image of another size and shape.
  public struct ResizedCrop: Sendable, Hashable {
    /// The least and the largest share of the image's area.
    public var scale: ClosedRange<Double>
    /// The least and the largest quotient of width and height.
    public var ratio: ClosedRange<Double>

    /// A part with the configuration's defaults.
    public init(scale: ClosedRange<Double> = 0.08...1, ratio: ClosedRange<Double> = 0.75...(4.0 / 3)) {
      (self.scale, self.ratio) = (scale, ratio)
    }
  }

  /// How far factors may lie from 1, each from 0 to 1.
  public struct ColorJitter: Sendable, Hashable {
    /// Of all values.
    public var brightness: Double
    /// Around the image's mean grey.
    public var contrast: Double
    /// Around each pixel's grey.
    public var saturation: Double

    /// Factors, of which those that are not given stay 1.
    public init(brightness: Double = 0, contrast: Double = 0, saturation: Double = 0) {
      (self.brightness, self.contrast, self.saturation) = (brightness, contrast, saturation)
    }
  }
}

extension Augmentation: ConfigurationValue {
  var json: JSONValue {
    .section([
      ("random_crop", randomCropPadding.map { .section([("padding", $0)]) } as JSONValue?),
      ("random_resized_crop", randomResizedCrop),
      ("horizontal_flip", alternatesFlips ? JSONValue.string("alternate") : horizontalFlip.json),
      ("color_jitter", colorJitter), ("random_erasing", randomErasing), ("mixup", mixup), ("cutmix", cutmix),
    ])
  }
}

extension Augmentation.ResizedCrop: ConfigurationValue {
  var json: JSONValue {
    .section([("scale", [scale.lowerBound, scale.upperBound]), ("ratio", [ratio.lowerBound, ratio.upperBound])])
  }
}

extension Augmentation.ColorJitter: ConfigurationValue {
  var json: JSONValue {
    .section([("brightness", brightness), ("contrast", contrast), ("saturation", saturation)])
  }
}
