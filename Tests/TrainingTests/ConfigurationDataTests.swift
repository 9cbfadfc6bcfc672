import Configuration
import Datasets
import Diagnostics
import TestSupport
import Testing

@testable import Training

@Suite struct ConfigurationDataTests {
  /// A configuration in /etc/nets of a net for images of this shape.
  private func configuration(input: String = "[8, 8, 1]", data: String = "{}") throws -> RunConfiguration {
    let layers = "{ type: 'flatten' }, { type: 'dense', units: 10 }, { type: 'softmax' }"
    let text = "{ model: { input: \(input), layers: [\(layers)] }, data: \(data) }"
    return try ConfigurationReader.read(text: text, file: "/etc/nets/small.json")
  }

  @Test("the embedded digits need no file")
  func theEmbeddedDigitsNeedNoFile() throws {
    let data: (training: ImageDataset, test: ImageDataset?) = try configuration().loadData()
    #expect(data.training.count == 1437)
    #expect(data.test?.count == 360)
  }

  @Test("synthetic data has the model's shape")
  func syntheticDataHasTheModelsShape() throws {
    let data: (training: ImageDataset, test: ImageDataset?) = try configuration(
      input: "[3, 5, 2]", data: "{ format: 'synthetic', examples: 7, test_examples: 0, classes: 4 }"
    ).loadData()
    #expect(data.training.count == 7)
    #expect((data.training.height, data.training.width, data.training.channels) == (3, 5, 2))
    #expect(data.training.classCount == 4)
    #expect(data.test == nil)
  }

  @Test("a missing file is named by its key and its absolute path")
  func aMissingFileIsNamedByItsKeyAndItsAbsolutePath() throws {
    let run = try configuration(
      data: "{ format: 'idx', train: { images: 'no/images', labels: 'no/labels' } }")
    do {
      _ = try run.loadData()
      Issue.record("read missing files")
    } catch {
      #expect(error.category == .inputMissing)
      #expect(error.subject == "data.train.images")
      #expect(error.message.hasPrefix("/etc/nets/no/images cannot be opened"))
      #expect(error.hint == nil, "these are not MNIST's names")
    }
  }

  @Test("the error says where MNIST comes from")
  func whereMNISTComesFromIsSaid() throws {
    let run = try configuration(
      data: """
        { format: 'idx', train: { images: '/dev/null', labels: 'd/train-labels-idx1-ubyte.gz' },
          test: { images: 'd/t10k-images-idx3-ubyte', labels: 'd/t10k-labels-idx1-ubyte' } }
        """)
    let error: UserError? = userError { _ = try run.loadTestData() }
    #expect(error?.subject == "data.test.images")
    #expect(error?.hint?.contains("t10k-labels-idx1-ubyte, published by Y. LeCun") == true, "\(error?.hint ?? "")")
    #expect(error?.hint?.contains("train-images-idx3-ubyte, train-labels-idx1-ubyte, ") == true)
    #expect(error?.hint?.hasSuffix("put the four files into /etc/nets/d") == true)
  }
}
