import Configuration
import Datasets
import Diagnostics
import Network
import Randomness
import Storage
import TestSupport
import Testing

@testable import Training

@Suite("Whitening of patches")
struct PatchWhiteningTests {
  private static func model(_ filters: Int = 23, _ kernel: Extent = Extent(2, 3)) -> ModelSpecification {
    ModelSpecification(
      input: ImageShape(height: 7, width: 6, channels: 2),
      layers: TestNetworks.named([
        LayerKind(
          Conv2D(filters: filters, Window(kernel, padding: .valid), usesBias: false, initializer: .patchWhitening)),
        .relu, .flatten, LayerKind(Dense(units: 4)), .softmax,
      ]))
  }

  /// Images whose neighbouring pixels are alike, as those of photographs are: running sums of small random steps.
  private static func images(_ count: Int) throws -> ImageDataset {
    let random = RandomStream(seed: 7, purpose: .gradientCheck, stream: 0)
    var pixels: [Float] = []
    for _ in 0..<count {
      var last = [8.0, 20]
      for _ in 0..<7 * 6 {
        for c in 0..<2 {
          last[c] = min(31, max(0, last[c] + (random.uniform(UInt64(pixels.count)) * 7).rounded(.down) - 3))
          pixels.append(Float(last[c]))
        }
      }
    }
    return try ImageDataset(
      height: 7, width: 6, channels: 2, classCount: 4, floats: pixels, labels: (0..<count).map { Int32($0 % 4) })
  }

  private static let plain = DataConfiguration(source: .embeddedDigits, scale: 1, mean: [0], std: [1])

  /// Small integers, whose sums are exact in any order.
  @Test("takes the covariance of all patches within the images")
  func covariance() throws {
    let data = try Self.images(50)
    let found = PatchWhitening.covariance(2, 3, 2, data, Normalization(Self.plain, channels: 2))
    let pixels = try #require(data.floats)
    var patches: [[Int]] = []
    for n in 0..<50 {
      for i in 0..<6 {
        for j in 0..<4 {
          patches.append(
            (0..<2).flatMap { a in
              (0..<3).flatMap { b in (0..<2).map { c in Int(pixels[((n * 7 + i + a) * 6 + j + b) * 2 + c]) } }
            })
        }
      }
    }
    let count = Double(patches.count)
    for k in 0..<12 {
      for l in 0..<12 {
        let products = patches.reduce(0) { $0 + $1[k] * $1[l] }
        let (first, second) = (patches.reduce(0) { $0 + $1[k] }, patches.reduce(0) { $0 + $1[l] })
        #expect(
          found[k][l] == Double(products) / count - Double(min(k, l) == k ? first : second) / count
            * (Double(min(k, l) == k ? second : first) / count))
      }
    }
  }

  @Test("finds eigenvectors: A·v = λ·v, of length 1, at right angles, by descending λ", arguments: [1, 2, 5, 12, 40])
  func eigenvectors(size: Int) {
    let random = RandomStream(seed: UInt64(size), purpose: .gradientCheck, stream: 0)
    var matrix = [[Double]](repeating: [Double](repeating: 0, count: size), count: size)
    for k in 0..<size {
      for l in k..<size {
        matrix[k][l] = 2 * random.uniform(UInt64(k * size + l)) - 1
        matrix[l][k] = matrix[k][l]
      }
    }
    let pairs = SymmetricEigenvectors(matrix).pairs
    #expect(zip(pairs, pairs.dropFirst()).allSatisfy { $0.value >= $1.value })
    for (index, pair) in pairs.enumerated() {
      for k in 0..<size {
        let product = (0..<size).reduce(0) { $0 + matrix[k][$1] * pair.vector[$1] }
        #expect(abs(product - pair.value * pair.vector[k]) < 1e-12 * Double(size))
      }
      for (other, second) in pairs.enumerated() {
        let product = zip(pair.vector, second.vector).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(product - (index == other ? 1 : 0)) < 1e-12 * Double(size))
      }
      #expect(pair.vector.max { abs($0) < abs($1) }.map { $0 > 0 } == true)
    }
  }

  @Test("of a diagonal matrix and of one with equal eigenvalues, leaves nothing to chance")
  func diagonal() {
    let pairs = SymmetricEigenvectors([[2, 0, 0], [0, 5, 0], [0, 0, 2]]).pairs
    #expect(pairs.map(\.value) == [5, 2, 2])
    #expect(pairs.map(\.vector) == [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    #expect(SymmetricEigenvectors([[0, 0], [0, 0]]).pairs.map(\.vector) == [[1, 0], [0, 1]])
  }

  @Test("makes patches uncorrelated and of variance 1")
  func whitens() throws {
    let data = try Self.images(200)
    let covariance = PatchWhitening.covariance(2, 3, 2, data, Normalization(Self.plain, channels: 2))
    let filters = PatchWhitening.filters(covariance, count: 20)
    func filter(_ f: Int) -> [Double] { (0..<12).map { Double(filters[$0 * 20 + f]) } }
    for f in 0..<12 {
      for g in 0..<12 {
        var product = 0.0
        for k in 0..<12 { for l in 0..<12 { product += filter(f)[k] * covariance[k][l] * filter(g)[l] } }
        // ε is 5e-4, and the least eigenvalue of these images about 0.5.
        #expect(abs(product - (f == g ? 1 : 0)) < 2e-3, "filters \(f) and \(g)")
      }
    }
    for f in 12..<20 { #expect(filter(f) == filter(f - 12).map { -$0 }) }
  }

  @Test("is what a run starts with, for any number of workers, while given weights stay")
  func starts() throws {
    let (model, data) = (Self.model(), try Self.images(40))
    func weights(workers: Int, from start: [NamedTensor]? = nil) throws -> [NamedTensor] {
      try TestRun(model).with {
        $0.workers = workers
        $0.batchSize = 40
        $0.scale = 1
        $0.initialWeights = start
      }.trainer(TestData(train: data)).weights()
    }
    let expected = PatchWhitening.filters(
      PatchWhitening.covariance(2, 3, 2, data, Normalization(Self.plain, channels: 2)), count: 23)
    for workers in [1, 3] { #expect(try weights(workers: workers)[0].values == expected) }
    var other = try weights(workers: 1)
    other[0].values = other[0].values.map { $0 + 1 }
    #expect(try weights(workers: 2, from: other) == other)
  }

  @Test("starts also where a kernel is larger than the images")
  func largeKernel() throws {
    let data = try Self.images(4)
    let covariance = PatchWhitening.covariance(8, 3, 2, data, Normalization(Self.plain, channels: 2))
    #expect(covariance.count == 48 && covariance[3][3] == 1 && covariance[3][4] == 0)
  }

  @Test("is refused where there are no such filters, and in layers that do not read the images")
  func refusals() throws {
    let tooMany = try #require(throws: UserError.self) { try ModelGraph(Self.model(25)) }
    #expect("\(tooMany)".contains("at most 2 · 12 filters"), "\(tooMany)")
    var second = Self.model()
    second.layers.swapAt(0, 1)
    let error = try #require(throws: UserError.self) { try ModelGraph(second) }
    #expect("\(error)".contains("a layer that reads the images"), "\(error)")
  }
}
