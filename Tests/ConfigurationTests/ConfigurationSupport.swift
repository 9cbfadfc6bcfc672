import Diagnostics
import Testing

@testable import Configuration

/// A small valid configuration: `{ model: … }` with `extra` members.
func configurationText(
  input: String = "[8, 8, 1]",
  layers: String = "{ type: 'flatten' }, { type: 'dense', units: 10 }, { type: 'softmax' }", extra: String = ""
) -> String {
  "{ model: { input: \(input), layers: [\(layers)] }, \(extra) }"
}

func configuration(_ text: String, _ overrides: [ConfigurationOverride] = []) throws -> RunConfiguration {
  try ConfigurationReader.read(text: text, file: "/etc/nets/small.json", overrides: overrides)
}

/// The error that `text` gives, or a failure of the test.
func configurationError(
  _ text: String, _ overrides: [ConfigurationOverride] = [], sourceLocation: SourceLocation = #_sourceLocation
) -> UserError {
  do {
    _ = try configuration(text, overrides)
  } catch let error as UserError {
    return error
  } catch {
    Issue.record("not a UserError: \(error)", sourceLocation: sourceLocation)
  }
  Issue.record("accepted: \(text)", sourceLocation: sourceLocation)
  return UserError(.internalFailure, "", "accepted")
}
