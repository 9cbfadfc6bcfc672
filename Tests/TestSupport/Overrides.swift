import Configuration

extension ConfigurationOverride {
  /// What `--set path=text` on the command line makes.
  package static func set(_ path: String, _ text: String) -> ConfigurationOverride {
    ConfigurationOverride(path: path, text: text, origin: "--set \(path)=\(text)")
  }
}
