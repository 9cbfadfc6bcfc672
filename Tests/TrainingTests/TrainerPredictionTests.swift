import Datasets
import Diagnostics
import Network
import ReferenceKernels
import Storage
import TestSupport
import Testing

@testable import Training

@Suite("Prediction and evaluation")
struct TrainerPredictionTests {
  private func predictor(_ run: TestRun, _ weights: [NamedTensor]) throws -> Predictor {
    try Predictor(configuration: run.configuration, topology: try machine(), kernels: testKernels, weights: weights)
  }

  @Test("evaluation repeats the trainer's validation numbers, for any number of workers")
  func evaluationEqualsValidation() throws {
    let run = TestRun(TestNetworks.digits)
    let trainer = try run.trainer(.digits)
    let summary = try trainer.run(stop: StopFlag()) { _ in }
    #expect(summary.epochs == 2)
    #expect((summary.validationAccuracy ?? 0) > 0.8)
    let test = try #require(TestData.digits.test)
    for workers in [1, 2, 3, 8, 17] {
      let result = try predictor(run.with { $0.workers = workers }, trainer.weights()).evaluate(test)
      #expect(result.loss == summary.validationLoss, "\(workers) workers")
      #expect(result.accuracy == summary.validationAccuracy, "\(workers) workers")
      #expect(result.examples == 360)
    }
  }

  @Test("probabilities sum to 1, predict what evaluation counts, and do not depend on workers or batches")
  func probabilities() throws {
    let run = TestRun(TestNetworks.digits)
    let trainer = try run.trainer(.digits)
    let summary = try trainer.run(stop: StopFlag()) { _ in }
    let test = try #require(TestData.digits.test)
    let expected = try predictor(run, trainer.weights()).probabilities(test)
    #expect(expected.count == 3600)
    var correct = 0
    for n in 0..<360 {
      let row = expected[n * 10..<(n + 1) * 10]
      #expect(row.allSatisfy { $0 >= 0 && $0 <= 1 })
      #expect(abs(row.reduce(0) { $0 + Double($1) } - 1) < 1e-6)
      let largest = try #require(row.max())
      if row.firstIndex(of: largest).map({ $0 - n * 10 }) == Int(test.labels[n]) { correct += 1 }
    }
    #expect(Double(correct) / 360 == summary.validationAccuracy)
    for workers in [1, 3, 17] {
      for batch in [7, 50, 1000] {
        let again = try predictor(
          run.with {
            $0.workers = workers; $0.batchSize = batch
          }, trainer.weights())
        #expect(try again.probabilities(test) == expected, "\(workers) workers, batch \(batch)")
      }
    }
  }

  @Test("probabilities are the naive network's")
  func agreesWithReference() throws {
    for model in [TestNetworks.digits, TestNetworks.odd] {
      let data = try TestData.synthetic(model, 7, classes: 3)
      let weights = try TestRun(model).trainer(data).weights()
      let actual = try predictor(TestRun(model), weights).probabilities(data.train)
      let bytes = try #require(data.train.bytes)
      let count = 7 * model.input.elementCount
      let images = Tensor4(
        count: 7, height: model.input.height, width: model.input.width, channels: model.input.channels,
        values: (0..<count).map { Double(Float(Double(bytes[$0]) / 255)) })
      let reference = ReferenceNetwork(
        try ModelGraph(model),
        parameters: Dictionary(uniqueKeysWithValues: weights.map { ($0.name, $0.values.map(Double.init)) }))
      let expected = try #require(
        reference.pass(images, labels: (0..<7).map { Int(data.train.labels[$0]) }).activations.last
      ).values
      #expect(worstRelativeError(actual.map(Double.init), expected) < 1e-5)
    }
  }

  @Test("one image, and images of floats, are predicted like any other")
  func fewAndFloats() throws {
    let run = TestRun(TestNetworks.digits)
    let data = try TestData.firstDigits(20)
    let weights = try run.trainer(data).weights()
    let all = try predictor(run, weights).probabilities(data.train)
    let one = try predictor(run.with { $0.workers = 5 }, weights).probabilities(try TestData.firstDigits(1).train)
    #expect(one == [Float](all.prefix(10)))
    let bytes = try #require(data.train.bytes)
    let floats = try ImageDataset(
      height: 8, width: 8, channels: 1, classCount: 10, floats: (0..<20 * 64).map { Float(bytes[$0]) },
      labels: (0..<20).map { data.train.labels[$0] })
    #expect(try predictor(run, weights).probabilities(floats) == all)
  }

  /// Examples at a time, down to one shard per worker.
  @Test("a bounded number of examples at a time, in order and with the same bits", arguments: [1, 2, 3])
  func inPieces(workers: Int) throws {
    let run = TestRun(TestNetworks.digits).with {
      $0.workers = workers; $0.shardSize = 4
    }
    let data = try TestData.firstDigits(150).train
    let weights = try run.trainer(.firstDigits(5)).weights()
    let expected = try predictor(run.with { $0.workers = 1 }, weights).probabilities(data)
    for bytes in [0, 1000, 2000, 1 << 20] {
      let predictor = try Predictor(
        configuration: run.configuration, topology: try machine(), kernels: testKernels, weights: weights,
        probabilityBytes: bytes)
      #expect(try predictor.probabilities(data) == expected, "\(bytes) bytes")
    }
    struct Enough: Error {}
    var seen = 0
    #expect(throws: Enough.self) {
      try predictor(run, weights).predict(data) { index, _ in
        seen += 1
        if index == 70 { throw Enough() }
      }
    }
    #expect(seen == 71)
  }

  @Test("results that are not finite end with what was lost first", arguments: [1, 3])
  func notFinite(workers: Int) throws {
    let run = TestRun(TestNetworks.digits).with { $0.workers = workers }
    let data = try TestData.firstDigits(50, test: true)
    let weights = try run.trainer(data).weights()
    func errors(large name: String? = nil, scale: Double = 1.0 / 255) throws -> [UserError?] {
      let changed = weights.map { tensor in
        var tensor = tensor
        if tensor.name == name { tensor.values = tensor.values.map { _ in 3e38 } }
        return tensor
      }
      let predictor = try predictor(run.with { $0.scale = scale }, changed)
      return [
        userError { _ = try predictor.evaluate(data.train) },
        userError { try predictor.predict(data.train) { _, _ in } },
      ]
    }
    #expect(try errors() == [nil, nil])
    // Finite weights, whose products are not.
    for layer in ["conv2d_2", "dense_1"] {
      for error in try errors(large: "\(layer).weight") {
        #expect(error?.category == .diverged)
        #expect(error?.message.hasPrefix("the output of \(layer) for image ") == true, "\(error?.message ?? "none")")
      }
    }
    // The pixels themselves: 255 · 1e38 is beyond Float.
    for error in try errors(scale: 1e38) {
      #expect(error?.category == .diverged)
      #expect(error?.message == "the normalized input for image 0 is not finite")
    }
  }

  @Test("what does not fit is bad data")
  func misfits() throws {
    let run = TestRun(TestNetworks.digits)
    let weights = try run.trainer(.firstDigits(5)).weights()
    #expect(userError { _ = try predictor(run, []) }?.category == .badData)
    #expect(userError { _ = try predictor(run, Array(weights.dropLast())) }?.category == .badData)
    let other = try TestData.synthetic(TestNetworks.odd, 4, classes: 3).train
    let right = try predictor(run, weights)
    #expect(userError { _ = try right.evaluate(other) }?.category == .badData)
    let error = userError { try right.predict(other, source: "x.idx") { _, _ in } }
    #expect(error?.category == .badData && error?.subject == "x.idx")
    #expect(userError { try right.requireFits(other, source: "y.idx") }?.subject == "y.idx")
    let beyond = try TestData.synthetic(TestNetworks.digits, 12, classes: 12).train
    #expect(userError { _ = try right.evaluate(beyond) }?.category == .badData)
  }
}

extension Predictor {
  /// All probabilities, row-major [examples, classes].
  fileprivate func probabilities(_ dataset: ImageDataset) throws -> [Float] {
    var values: [Float] = []
    var next = 0
    try predict(dataset) { index, probabilities in
      #expect(index == next)
      next += 1
      values += probabilities
    }
    #expect(next == dataset.count)
    return values
  }
}
