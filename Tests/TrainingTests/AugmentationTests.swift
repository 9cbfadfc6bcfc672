import Configuration
import Datasets
import Foundation
import Network
import TestSupport
import Testing

@testable import Training

@Suite struct AugmentationTests {
  private static let (height, width, channels) = (6, 5, 3)
  private static let elements = height * width * channels

  /// Twelve images of distinct bytes.
  private static let dataset: ImageDataset = {
    let bytes = (0..<12 * elements).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
    guard
      let data = try? ImageDataset(
        height: height, width: width, channels: channels, classCount: 4, bytes: bytes, labels: (0..<12).map { $0 % 4 })
    else { fatalError("The images cannot be made.") }
    return data
  }()

  private func augmentation(
    _ seed: UInt64 = 1, _ change: (inout AugmentConfiguration) -> Void
  ) throws -> Augmentation {
    var run = TestRun(smallModel).with { $0.seed = seed }.configuration
    run.data.scale = 1
    change(&run.data.augment)
    return try #require(Augmentation(run, Normalization(run.data, channels: Self.channels)))
  }

  /// An example as rows without gaps, and what is mixed into its target.
  private func image(
    _ augmentation: Augmentation, _ example: Int, epoch: Int = 0
  ) -> (values: [Float], target: MixedTarget) {
    let scratch = AugmentationScratch(elements: Self.elements, images: 1)
    // Rows and pixels lie apart, and nothing is written between them.
    let (row, pixel) = (Self.width * 4 + 2, 4)
    let buffer = FloatBuffer(Self.height * row)
    let target = augmentation.load(
      Self.dataset, example: example, epoch: epoch, scratch: scratch, into: buffer.pointer, row: row, pixel: pixel)
    var values: [Float] = []
    for i in 0..<Self.height {
      for j in 0..<Self.width { for c in 0..<Self.channels { values.append(buffer.pointer[i * row + j * pixel + c]) } }
    }
    #expect(buffer.isIntact && buffer.values.count { $0.isNaN } == buffer.count - Self.elements)
    return (values, target)
  }

  private func original(_ example: Int) -> [Float] {
    (0..<Self.elements).map { Float(Self.dataset.bytes?[example * Self.elements + $0] ?? 0) }
  }

  private func at(_ values: [Float], _ i: Int, _ j: Int, _ c: Int) -> Float {
    guard (0..<Self.height).contains(i), (0..<Self.width).contains(j) else { return 0 }
    return values[(i * Self.width + j) * Self.channels + c]
  }

  private func map(_ body: (_ i: Int, _ j: Int, _ c: Int) -> Float) -> [Float] {
    var values: [Float] = []
    for i in 0..<Self.height { for j in 0..<Self.width { for c in 0..<Self.channels { values.append(body(i, j, c)) } } }
    return values
  }

  @Test("nothing is changed by default")
  func off() {
    let run = TestRun(smallModel).configuration
    #expect(!run.data.augment.isOn && Augmentation(run, Normalization(run.data, channels: 1)) == nil)
  }

  @Test("an image is a function of seed, epoch and example")
  func keys() throws {
    let rules: (inout AugmentConfiguration) -> Void = {
      ($0.crop, $0.flip, $0.mixup, $0.erasing) = (.init(padding: 2), 0.5, 0.4, 0.5)
    }
    let first = try augmentation(1, rules)
    #expect(image(first, 3, epoch: 5).values == image(try augmentation(1, rules), 3, epoch: 5).values)
    let others = [
      image(first, 3, epoch: 6).values, image(first, 4, epoch: 5).values,
      image(try augmentation(2, rules), 3, epoch: 5).values,
    ]
    #expect(!others.contains(image(first, 3, epoch: 5).values))
  }

  @Test("mirror images")
  func flip() throws {
    let always = try augmentation { $0.flip = 1 }
    for example in 0..<12 {
      let values = original(example)
      #expect(image(always, example).values == map { at(values, $0, Self.width - 1 - $1, $2) })
    }
    let half = try augmentation { $0.flip = 0.5 }
    let flips = (0..<400).count { image(half, $0 % 12, epoch: $0 / 12).values != original($0 % 12) }
    #expect((150...250).contains(flips), "\(flips) of 400")
  }

  @Test("mirror images in every other epoch, of about half of the examples in the first")
  func alternatingFlips() throws {
    var first = 0
    for seed in 1...30 {
      let augmentation = try augmentation(UInt64(seed)) { $0.alternatesFlips = true }
      for example in 0..<12 {
        let plain = original(example)
        let mirrored = map { at(plain, $0, Self.width - 1 - $1, $2) }
        let epochs = (0..<5).map { image(augmentation, example, epoch: $0).values }
        let isFlipped = epochs[0] == mirrored
        first += isFlipped ? 1 : 0
        #expect(epochs == (0..<5).map { isFlipped == $0.isMultiple(of: 2) ? mirrored : plain })
      }
    }
    #expect((140...220).contains(first), "\(first) of 360")
  }

  @Test("crops of the image in zeros")
  func crop() throws {
    let augmentation = try augmentation { $0.crop = .init(padding: 2) }
    var found: Set<[Int]> = []
    for epoch in 0..<60 {
      for example in 0..<12 {
        let (values, whole) = (image(augmentation, example, epoch: epoch).values, original(example))
        let places = (-2...2).flatMap { top in (-2...2).map { [top, $0] } }
          .filter { place in values == map { at(whole, $0 + place[0], $1 + place[1], $2) } }
        #expect(places.count == 1)
        found.formUnion(places)
      }
    }
    #expect(found.count == 25)
  }

  @Test("stretched crops")
  func resizedCrop() throws {
    let whole = try augmentation { $0.resizedCrop = .init(scale: [1, 1], ratio: [5.0 / 6, 5.0 / 6]) }
    for example in 0..<12 { #expect(image(whole, example).values == original(example)) }
    let part = try augmentation { $0.resizedCrop = .init(scale: [0.2, 0.5]) }
    let values = image(part, 3).values
    let bytes = original(3)
    #expect(values != bytes && values.allSatisfy { $0 >= bytes.min() ?? 0 && $0 <= bytes.max() ?? 0 })
    for seed in 0..<50 as Range<UInt64> {
      let draws = ExampleDraws(seed: seed, epoch: 1, example: 7)
      let box = SourceBox(.init(scale: [0.2, 0.5]), draws, height: 32, width: 24)
      #expect(box.top >= 0 && box.left >= 0 && box.top + box.height <= 32 && box.left + box.width <= 24)
      let (area, quotient) = (Double(box.height * box.width) / 768, Double(box.width) / Double(box.height))
      #expect((0.17...0.55).contains(area) && (0.68...1.45).contains(quotient))
      // Nothing so wide fits: the widest one in the middle.
      let flat = SourceBox(.init(scale: [1, 1], ratio: [4, 4]), draws, height: 32, width: 24)
      #expect(flat.top == 13 && flat.left == 0 && flat.height == 6 && flat.width == 24)
    }
  }

  @Test("between pixel centres the values are those of linear interpolation")
  func interpolation() throws {
    let scratch = FloatBuffer(Self.elements)
    let raw = RawImage(scratch.pointer, height: Self.height, width: Self.width, channels: Self.channels)
    let draws = ExampleDraws(seed: 1, epoch: 0, example: 0)
    var box = SourceBox(.init(scale: [1, 1], ratio: [1, 1]), draws, height: 6, width: 5)
    (box.top, box.left, box.height, box.width) = (1, 2, 4, 3)
    raw.stretch(Self.dataset, 5, box, isFlipped: false)
    let whole = original(5)
    for i in 0..<Self.height {
      for j in 0..<Self.width {
        let y = max(0, (Double(i) + 0.5) * 4 / 6 - 0.5)
        let x = max(0, (Double(j) + 0.5) * 3 / 5 - 0.5)
        for c in 0..<Self.channels {
          var sum = 0.0
          for a in 0..<4 {
            for b in 0..<3 {
              let weight = max(0, 1 - abs(min(y, 3) - Double(a))) * max(0, 1 - abs(min(x, 2) - Double(b)))
              sum += weight * Double(at(whole, 1 + a, 2 + b, c))
            }
          }
          #expect(abs(Double(scratch.pointer[(i * Self.width + j) * Self.channels + c]) - sum) < 1e-3)
        }
      }
    }
  }

  @Test("erased rectangles")
  func erasing() throws {
    let always = try augmentation { $0.erasing = 1 }
    var areas: Set<Int> = []
    for epoch in 0..<100 {
      let (values, whole) = (image(always, 4, epoch: epoch).values, original(4))
      let erased = (0..<Self.height * Self.width).filter { pixel in
        (0..<3).allSatisfy { values[3 * pixel + $0] == 0 } && (0..<3).contains { whole[3 * pixel + $0] != 0 }
      }
      let (rows, columns) = (Set(erased.map { $0 / Self.width }), Set(erased.map { $0 % Self.width }))
      #expect(rows.count * columns.count == erased.count && erased.count <= 12)
      for index in values.indices where !erased.contains(index / 3) { #expect(values[index] == whole[index]) }
      areas.insert(erased.count)
    }
    #expect(areas.count > 3)
  }

  @Test("factors of brightness, contrast and saturation")
  func jitter() throws {
    func changed(_ rule: (inout AugmentConfiguration.Jitter) -> Void) throws -> [Float] {
      var jitter = AugmentConfiguration.Jitter()
      rule(&jitter)
      return image(try augmentation { $0.jitter = jitter }, 2).values
    }
    let (whole, draws) = (original(2), ExampleDraws(seed: 1, epoch: 0, example: 2))
    func grey(_ pixel: Int) -> Double {
      0.299 * Double(whole[3 * pixel]) + 0.587 * Double(whole[3 * pixel + 1]) + 0.114 * Double(whole[3 * pixel + 2])
    }
    func agrees(_ values: [Float], _ expected: (Int) -> Double) -> Bool {
      values.indices.allSatisfy { abs(Double(values[$0]) - min(max(expected($0), 0), 255)) < 1e-3 }
    }
    #expect(try changed { _ in } == whole)
    let bright = draws.uniform(.brightness, from: 0.6, to: 1.4)
    #expect(agrees(try changed { $0.brightness = 0.4 }) { Double(whole[$0]) * bright })
    let contrast = draws.uniform(.contrast, from: 0.6, to: 1.4)
    let mean = (0..<30).reduce(0) { $0 + grey($1) } / 30
    #expect(agrees(try changed { $0.contrast = 0.4 }) { mean + (Double(whole[$0]) - mean) * contrast })
    let saturation = draws.uniform(.saturation, from: 0.6, to: 1.4)
    #expect(
      agrees(try changed { $0.saturation = 0.4 }) { grey($0 / 3) + (Double(whole[$0]) - grey($0 / 3)) * saturation })
  }

  @Test("two images mixed, by share or by rectangle", arguments: [false, true])
  func mixing(byRectangle: Bool) throws {
    let augmentation = try augmentation { if byRectangle { $0.cutmix = 1 } else { $0.mixup = 1 } }
    var shares: [Float] = []
    for epoch in 0..<50 {
      for example in 0..<12 {
        let draws = ExampleDraws(seed: 1, epoch: epoch, example: example)
        let partner = draws.below(12, .partner)
        let (values, target) = image(augmentation, example, epoch: epoch)
        let (own, other) = (original(example), original(partner))
        #expect(target.label == Int32(partner % 4) && target.share >= 0 && target.share <= 1)
        shares.append(target.share)
        guard byRectangle else {
          #expect(
            values.indices.allSatisfy {
              abs(values[$0] - (own[$0] * target.share + other[$0] * (1 - target.share))) < 1e-2
            })
          continue
        }
        guard partner != example else { continue }
        var pasted = 0
        for pixel in 0..<30 {
          let range = 3 * pixel..<3 * pixel + 3
          if values[range] == other[range] { pasted += 1 } else { #expect(values[range] == own[range]) }
        }
        #expect(abs(Float(30 - pasted) / 30 - target.share) < 0.11)
      }
    }
    let mean = shares.reduce(0, +) / Float(shares.count)
    // Rectangles are cut off at the edges, and their sides rounded down to even numbers.
    #expect((byRectangle ? 0.6...0.9 : 0.44...0.56).contains(mean) && Set(shares).count > 5)
  }

  @Test("shares of the beta distribution", arguments: [0.2, 1, 2])
  func beta(alpha: Double) {
    let values = (0..<4000).map { ExampleDraws(seed: 3, epoch: 0, example: $0).beta(alpha) }
    let mean = values.reduce(0, +) / 4000
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4000
    #expect(values.allSatisfy { $0 >= 0 && $0 <= 1 } && abs(mean - 0.5) < 0.03)
    #expect(abs(variance * 4 * (2 * alpha + 1) - 1) < 0.06, "\(variance)")
  }

  @Test("exponentials and logarithms")
  func exactFunctions() {
    for x in [-700, -20.5, -1, -1e-3, 0, 1e-9, 0.3, 1, 2.5, 100, 700] {
      #expect(abs(exponential(x) / exp(x) - 1) < 1e-14, "\(x)")
    }
    for x in [1e-300, 1e-3, 0.5, 0.999, 1, 1.5, 2, 3.75, 1e10, 1e300] {
      #expect(abs(logarithm(x) - log(x)) <= 4e-16 * max(1, abs(log(x))), "\(x)")
    }
  }

  /// The mean of logits does not depend on which of the two is the mirror image.
  @Test("a prediction with mirror images is the same for a mirror image")
  func testTime() throws {
    let model = TestNetworks.digits
    let data = try TestData.firstDigits(50).train
    let size = data.height * data.width
    let bytes = try #require(data.bytes)
    let mirrored = try ImageDataset(
      height: data.height, width: data.width, channels: 1, classCount: 10,
      bytes: (0..<50 * size).map { bytes[$0 / data.width * data.width + data.width - 1 - $0 % data.width] },
      labels: (0..<50).map { data.labels[$0] })
    let run = TestRun(model)
    let weights = try run.trainer(try .firstDigits(10)).weights()
    func probabilities(_ data: ImageDataset, _ augmentation: TrainingConfiguration.TestTimeAugmentation) throws
      -> [Float]
    {
      var found: [Float] = []
      let configuration = run.with { $0.training = { $0.testTimeAugmentation = augmentation } }.configuration
      try Predictor(configuration: configuration, topology: try machine(), kernels: testKernels, weights: weights)
        .predict(data) { found += $1 }
      return found
    }
    let (plain, other) = (try probabilities(data, .none), try probabilities(mirrored, .none))
    let both = try probabilities(data, .flip)
    #expect(try both == probabilities(mirrored, .flip))
    #expect(plain != other)
    for n in 0..<50 {
      // Means of logits are geometric means of probabilities, but for a factor.
      let row = n * 10..<n * 10 + 10
      let products = row.map { (Double(plain[$0]) * Double(other[$0])).squareRoot() }
      let sum = products.reduce(0, +)
      for (k, product) in zip(row, products) { #expect(abs(Double(both[k]) - product / sum) < 1e-5) }
    }
  }
}
