import ConfigurationKeys
import Storage

extension ConfigurationTable {
  static let augment: [KeyField<AugmentConfiguration>] = [
    .section(
      ConfigurationKey(
        "random_crop", .section(crop.map(\.key)), otherwise: "none",
        "A part of the image's size out of the image with zeros around it, all places equally likely."),
      \.crop, crop, empty: .init()),
    .section(
      ConfigurationKey(
        "random_resized_crop", .section(resizedCrop.map(\.key)), otherwise: "none",
        "A part of the image, stretched to the image's size by linear interpolation."),
      \.resizedCrop, resizedCrop, empty: .init()),
    KeyField(
      ConfigurationKey(
        "horizontal_flip",
        .either([.choice(["alternate"]), share], allowed: "\"alternate\" or a number from 0 to 1"), default: .number(0),
        "The probability of the mirror image; alternate: each image's mirror image in every other epoch, from the first or the "
          + "second one on by chance."),
      get: { $0.alternatesFlips ? .string("alternate") : .number($0.flip) },
      set: {
        $0.alternatesFlips = $1 == .string("alternate")
        $0.flip = $1.floatingPoint ?? 0
      }),
    .section(
      ConfigurationKey(
        "color_jitter", .section(jitter.map(\.key)), otherwise: "none",
        "Factors of brightness, then contrast, then saturation; pixels stay between 0 and 255."),
      \.jitter, jitter, empty: .init()),
    KeyField(
      ConfigurationKey(
        "random_erasing", share, default: .number(0),
        "The probability that a rectangle of 2 to 33 % of the image becomes 0, the mean."), \.erasing),
    KeyField(
      ConfigurationKey(
        "mixup", beta, default: .number(0),
        "With α above 0, an image becomes λ of itself and 1 − λ of another, λ from Beta(α, α); so does its target."),
      \.mixup),
    KeyField(
      ConfigurationKey(
        "cutmix", beta, default: .number(0),
        "With α above 0, a rectangle of 1 − λ of the image becomes that of another, λ from Beta(α, α); with mixup, each image "
          + "takes one of the two."), \.cutmix),
  ]

  private static let share = KeyKind.number(.within(0...1))
  private static let beta = KeyKind.number(.within(0...2))

  private static let crop: [KeyField<AugmentConfiguration.Crop>] = [
    KeyField(ConfigurationKey("padding", .integer(1...1024), "Zeros on each side of the image."), \.padding)
  ]

  private static let resizedCrop: [KeyField<AugmentConfiguration.ResizedCrop>] = [
    KeyField(
      ConfigurationKey(
        "scale", .array(of: .number(.within(0.001...1)), ArrayRule(2...2, "an array of 2 numbers from 0.001 to 1")),
        default: .array([.number(0.08), .number(1)]), "The least and the largest share of the image's area."), \.scale),
    KeyField(
      ConfigurationKey(
        "ratio", .array(of: .number(.within(0.1...10)), ArrayRule(2...2, "an array of 2 numbers from 0.1 to 10")),
        default: .array([.number(0.75), .number(4.0 / 3)]), "The least and the largest quotient of width and height."),
      \.ratio),
  ]

  private static let jitter: [KeyField<AugmentConfiguration.Jitter>] = [
    KeyField(
      ConfigurationKey("brightness", share, default: .number(0), "How far the factor may lie from 1."), \.brightness),
    KeyField(
      ConfigurationKey("contrast", share, default: .number(0), "The same, around the image's mean grey."), \.contrast),
    KeyField(
      ConfigurationKey("saturation", share, default: .number(0), "The same, around each pixel's grey."), \.saturation),
  ]
}
