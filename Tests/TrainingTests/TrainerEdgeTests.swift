import Datasets
import Diagnostics
import Network
import Storage
import TestSupport
import Testing

@testable import Training

/// Data sets and batches that are smallest, empty or do not fit.
@Suite("Edges of training")
struct TrainerEdgeTests {
  private func badData(
    _ run: TestRun, _ data: TestData, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> UserError {
    let error = try #require(userError { _ = try run.trainer(data) }, sourceLocation: sourceLocation)
    #expect(error.category == .badData, sourceLocation: sourceLocation)
    return error
  }

  // MARK: Few examples

  @Test("0 examples are bad data")
  func noExamples() {
    #expect(
      userError {
        _ = try ImageDataset(height: 4, width: 4, channels: 1, classCount: 3, bytes: [], labels: [])
      }?.category == .badData)
    #expect(userError { _ = try ShardPlan(exampleCount: 0, batchSize: 1, shardSize: 1) }?.category == .badData)
    let run = TestRun(smallModel).configuration
    let error = userError { _ = try RunPlan(run, topology: try machine(), kernels: testKernels, exampleCount: 0) }
    #expect(error?.category == .badData)
  }

  @Test("1 example trains, with a worker too many and a batch too large", arguments: [1, 3])
  func oneExample(workers: Int) throws {
    let data = try TestData.synthetic(smallModel, 1, classes: 3, tests: 1)
    let summary = try TestRun(smallModel).with {
      $0.workers = workers; $0.epochs = 30
    }.train(data)
    #expect(summary.steps == 30)
    #expect(summary.epochs == 30)
    #expect(summary.loss < 0.1)
    #expect(summary.validationLoss?.isFinite == true)
    #expect([0, 1].contains(summary.validationAccuracy))
  }

  /// `1/m` is the batch's own: a batch of n equal examples takes the step of one.
  @Test("copies of an example train like the example alone", arguments: [1, 2, 4, 16])
  func copies(count: Int) throws {
    let one = try TestData.synthetic(smallModel, 1, classes: 3).train
    let bytes = try #require(one.bytes)
    let copies = try ImageDataset(
      height: 4, width: 4, channels: 1, classCount: 3, bytes: (0..<16 * count).map { bytes[$0 % 16] },
      labels: [Int32](repeating: one.labels[0], count: count))
    // Sums of 2ⁿ equal gradients, and their division by 2ⁿ, are exact.
    let run = TestRun(smallModel).with {
      $0.shardSize = 1; $0.workers = 3; $0.epochs = 5
    }
    #expect(try run.digest(TestData(train: copies)) == run.digest(TestData(train: one)))
  }

  @Test("one class: no loss, no gradient, weights stay")
  func oneClass() throws {
    let model = ModelSpecification(
      input: ImageShape(height: 4, width: 4, channels: 1),
      layers: TestNetworks.named([.flatten, .dense(units: 5), .relu, .dense(units: 1), .softmax]))
    let trainer = try TestRun(model).trainer(try .synthetic(model, 9, classes: 1, tests: 2))
    let initial = trainer.weights()
    let summary = try trainer.run(stop: StopFlag()) { _ in }
    #expect(summary.loss == 0)
    #expect(summary.validationAccuracy == 1)
    #expect(trainer.weights() == initial)
    let decayed = try TestRun(model).with { $0.weightDecay = 0.1 }.trainer(try .synthetic(model, 9, classes: 1))
    _ = try decayed.run(stop: StopFlag()) { _ in }
    #expect(decayed.weights() != initial)
  }

  @Test("a batch larger than the data set is one ragged batch per epoch")
  func largeBatch() throws {
    let data = try TestData.synthetic(smallModel, 10, classes: 3)
    let trainer = try TestRun(smallModel).with {
      $0.batchSize = 100_000; $0.epochs = 3
    }.trainer(data)
    #expect(trainer.description.stepsPerEpoch == 1)
    #expect(try trainer.run(stop: StopFlag()) { _ in }.steps == 3)
  }

  // MARK: What does not fit

  @Test("labels beyond the classes are named with both numbers")
  func labels() throws {
    let four = try TestData.synthetic(smallModel, 8, classes: 4)
    let three = try TestData.synthetic(smallModel, 8, classes: 3)
    let error = try badData(TestRun(smallModel), four)
    #expect(error.subject == "data.train")
    #expect(error.message.contains("3") && error.message.contains("0…2"))
    #expect(try badData(TestRun(smallModel), TestData(train: three.train, test: four.train)).subject == "data.test")
  }

  @Test("images of another shape are named with both shapes")
  func shapes() throws {
    let error = try badData(TestRun(TestNetworks.digits), .synthetic(smallModel, 5, classes: 3))
    #expect(error.subject == "data.train")
    #expect(error.message.contains("4×4×1") && error.message.contains("8×8×1"))
    let mixed = TestData(
      train: TestData.digits.train, test: try TestData.synthetic(TestNetworks.odd, 3, classes: 3).train)
    #expect(try badData(TestRun(TestNetworks.digits), mixed).subject == "data.test")
  }

  @Test("initial weights must be exactly the network's")
  func initialWeights() throws {
    let data = try TestData.synthetic(smallModel, 5, classes: 3)
    let right = try TestRun(smallModel).trainer(data).weights()
    func error(_ change: (inout [NamedTensor]) -> Void) throws -> UserError {
      var tensors = right
      change(&tensors)
      return try badData(TestRun(smallModel).with { $0.initialWeights = tensors }, data)
    }
    #expect(try error { $0.removeAll { $0.name == "dense_2.bias" } }.message.contains("dense_2.bias"))
    #expect(try error { $0 = [] }.message.contains("dense_1.weight"))
    #expect(
      try error { $0.append(NamedTensor(name: "dense_9.weight", shape: [1], values: [0])) }.message
        .contains("dense_9.weight"))
    let misshapen = try error { $0[0] = NamedTensor(name: $0[0].name, shape: [16, 8], values: $0[0].values) }
    #expect(misshapen.message.contains("[16, 8]") && misshapen.message.contains("[8, 16]"))
    #expect(try error { $0[1].name = "dense_1.bia" }.message.contains("dense_1.bias"))

    // In any order they are taken as they are.
    let shuffled = try TestRun(smallModel).with {
      $0.seed = 99; $0.initialWeights = right.reversed()
    }.trainer(data)
    #expect(shuffled.weights() == right)
  }

  @Test("initial weights are He-normal: zero biases, standard deviation √(2 / fan-in)")
  func heNormal() throws {
    let model = ModelSpecification(
      input: ImageShape(height: 8, width: 8, channels: 3),
      layers: TestNetworks.named([
        TestNetworks.conv(64, 5), .relu, .flatten, .dense(units: 40), .relu, .dense(units: 2), .softmax,
      ]))
    for tensor in try TestRun(model).trainer(.synthetic(model, 1, classes: 2)).weights() {
      guard tensor.shape.count > 1 else {
        #expect(tensor.values.allSatisfy { $0 == 0 }, "\(tensor.name)")
        continue
      }
      let fanIn = Double(
        tensor.shape.count == 4 ? tensor.shape[0] * tensor.shape[1] * tensor.shape[2] : tensor.shape[1])
      let n = Double(tensor.values.count)
      let mean = tensor.values.reduce(0) { $0 + Double($1) } / n
      let variance = tensor.values.reduce(0) { $0 + Double($1) * Double($1) } / n
      // Five standard errors of each estimate.
      #expect(abs(mean) < 5 * (2 / fanIn / n).squareRoot(), "\(tensor.name)")
      #expect(abs(variance * fanIn / 2 - 1) < 5 * (2 / n).squareRoot(), "\(tensor.name)")
    }
  }
}
