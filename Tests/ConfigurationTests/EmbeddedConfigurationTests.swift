import TestSupport
import Testing

@testable import Configuration

@Suite struct EmbeddedConfigurationTests {
  @Test("the embedded digits net is that of the file")
  func theEmbeddedDigitsNetIsTheFilesOne() throws {
    let file = fixture("../../Config/digits.json")
    #expect(try ConfigurationReader.digits() == ConfigurationReader.read(file: file))
  }

  @Test("overrides reach the embedded configuration")
  func overridesReachIt() throws {
    let run = try ConfigurationReader.digits(overrides: [
      ConfigurationOverride(path: "training.batch_size", text: "7", origin: "--batch-size 7")
    ])
    #expect(run.training.batchSize == 7)
  }
}
