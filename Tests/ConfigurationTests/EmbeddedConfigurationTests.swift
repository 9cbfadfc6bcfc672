import TestSupport
import Testing

@testable import Configuration

@Suite struct EmbeddedConfigurationTests {
  @Test func theEmbeddedDigitsNetIsTheFilesOne() throws {
    let file: String = fixture("../../Config/digits.json")
    #expect(try ConfigurationReader.digits() == ConfigurationReader.read(file: file))
  }

  @Test func overridesReachIt() throws {
    let run: RunConfiguration = try ConfigurationReader.digits(overrides: [
      ConfigurationOverride(path: "training.batch_size", text: "7", origin: "--batch-size 7")
    ])
    #expect(run.training.batchSize == 7)
  }
}
