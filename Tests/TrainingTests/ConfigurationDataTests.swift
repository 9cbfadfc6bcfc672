import Datasets
import Diagnostics
import Testing

@testable import Training

@Suite struct ConfigurationDataTests {
  @Test func theEmbeddedDigitsNeedNoFile() throws {
    let data: (training: ImageDataset, test: ImageDataset?) = try configuration(configurationText()).loadData()
    #expect(data.training.count == 1437)
    #expect(data.test?.count == 360)
  }

  @Test func syntheticDataHasTheModelsShape() throws {
    let data: (training: ImageDataset, test: ImageDataset?) = try configuration(
      configurationText(
        input: "[3, 5, 2]", extra: "data: { format: 'synthetic', examples: 7, test_examples: 0, classes: 4 }")
    ).loadData()
    #expect(data.training.count == 7)
    #expect((data.training.height, data.training.width, data.training.channels) == (3, 5, 2))
    #expect(data.training.classCount == 4)
    #expect(data.test == nil)
  }

  @Test func aMissingFileIsNamedByItsAbsolutePath() throws {
    let run: RunConfiguration = try configuration(
      configurationText(extra: "data: { format: 'idx', train: { images: 'no/images', labels: 'no/labels' } }"))
    do {
      _ = try run.loadData()
      Issue.record("read missing files")
    } catch {
      #expect(error.category == .inputMissing)
      #expect(error.subject == "/etc/nets/no/images")
    }
  }
}
