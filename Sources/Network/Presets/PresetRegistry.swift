/// The nets that a configuration can name, in the order in which errors and the reference list them.
package enum PresetRegistry {
  package static let presets: [Preset] =
    [LeNet.preset, CaffeCIFAR.preset] + VGG.presets + ResNet.presets + MobileNet.presets

  package static func preset(named name: String) -> Preset? { presets.first { $0.name == name } }
}
