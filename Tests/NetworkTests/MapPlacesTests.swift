import KernelInterface
import TestSupport
import Testing

@testable import Network

/// Which maps and gradients share memory. That it changes no bit, the tests of whole passes show.
@Suite("Map places")
struct MapPlacesTests {
  private typealias Buffer = MapPlaces.Buffer

  /// The most floats that are needed at one time.
  private func peak(_ buffers: [Buffer]) -> Int {
    (0...(buffers.map(\.life.upperBound).max() ?? 0))
      .map { time in buffers.reduce(0) { $1.life.contains(time) ? $0 + $1.floats : $0 } }.max() ?? 0
  }

  @Test("buffers needed at one time lie beside each other, at whole cache lines", arguments: 1...40)
  func pack(seed: Int) {
    var random = RandomFloats(seed: seed)
    let buffers = (0...seed).map { _ in
      let numbers = random.array(3).map(abs)
      let start = Int(numbers[0] * 4)
      return Buffer(floats: 1 + Int(numbers[1] * 100), life: start...start + Int(numbers[2] * 3))
    }
    let offsets = MapPlaces.pack(buffers)
    for i in buffers.indices {
      #expect(offsets[i] >= 0 && offsets[i].isMultiple(of: 16))
      for j in 0..<i where buffers[i].life.overlaps(buffers[j].life) {
        #expect(offsets[i] >= offsets[j] + buffers[j].floats || offsets[j] >= offsets[i] + buffers[i].floats)
      }
    }
  }

  @Test("a backward pass lies where activations were that it needs no more")
  func packExample() {
    // Activations of two stages, then the gradients of the second, of the first.
    let buffers = [
      Buffer(floats: 64, life: 0...9), Buffer(floats: 32, life: 2...7), Buffer(floats: 32, life: 3...6),
      Buffer(floats: 32, life: 5...7), Buffer(floats: 64, life: 8...9),
    ]
    let offsets = MapPlaces.pack(buffers)
    #expect(offsets == [0, 64, 96, 128, 64])
    #expect(zip(offsets, buffers).map { $0 + $1.floats }.max() == peak(buffers))
    #expect(MapPlaces.pack([]) == [])
  }

  @Test(
    "what shares memory is never used by the segments in between",
    arguments: ["resnet20", "resnet18", "mobilenet_v2", "vgg11_bn"])
  func lives(preset: String) throws {
    let model = try #require(PresetRegistry.preset(named: preset)).model(classes: 10, stem: .cifar)
    let plan = try NetworkPlan(model, capacity: ImageCapacity(shard: 4, shardsPerChunk: 2))
    // By map or gradient that is kept for a chunk, when segments use it; written down apart from the places.
    var uses: [MapsAhead.Source: ClosedRange<Int>] = [:]
    let segments = plan.mapsAhead.forward + plan.mapsAhead.backward.reversed()
    for (time, segment) in segments.enumerated() {
      for source in segment.sources { uses[source] = (uses[source]?.lowerBound ?? time)...time }
    }
    func memory(_ source: MapsAhead.Source) -> Range<Int>? {
      let layout = source.isGradient ? plan.gradients[source.index] : plan.maps[source.index]
      let offset = source.isGradient ? plan.places.gradients[source.index] : plan.places.maps[source.index]
      return offset.map { $0..<$0 + layout.floatCount(images: 8) }
    }
    let packed = uses.compactMap { use in memory(use.key).map { (use.value, $0) } }
    var shared = 0
    for (i, (life, floats)) in packed.enumerated() {
      for (other, otherFloats) in packed[..<i] where floats.overlaps(otherFloats) {
        #expect(!life.overlaps(other))
        shared += 1
      }
    }
    #expect(shared > 0)
    #expect(packed.allSatisfy { $0.1.upperBound <= plan.places.packedFloats })
    #expect(plan.places.packedFloats < packed.reduce(0) { $0 + $1.1.count })
  }

  @Test("without meetings nothing is packed, and gradients of one layout take turns")
  func withoutMeetings() throws {
    let convolution = LayerKind.conv2d(filters: 16, kernelSize: 3, padding: .same, algorithm: .auto)
    let block = [convolution, .relu]
    let kinds = block + block + block + block + block + [.flatten, .dense(units: 3), .softmax]
    let layers = kinds.enumerated().map { LayerSpecification(name: "layer_\($0)", kind: $1) }
    let plan = try NetworkPlan(
      ModelSpecification(input: ImageShape(height: 8, width: 8, channels: 16), layers: layers),
      capacity: ImageCapacity(shard: 2))
    #expect(plan.places.packedFloats == 0)
    #expect((plan.places.maps + plan.places.gradients).allSatisfy { $0 == nil })
    #expect(plan.places.mapOwners == Array(plan.maps.indices))
    // The gradients of two neighbours are needed at one time; that of the first layer's output needs no halo.
    #expect(plan.places.gradientOwners == [0, 1, 2, 3, 2, 5, 6, 7])
  }

  @Test("the gradient along a chain of residual blocks is one map, to which the blocks add")
  func gradientOfSums() throws {
    let model = try #require(PresetRegistry.preset(named: "resnet20")).model(classes: 10)
    let plan = try NetworkPlan(model, capacity: ImageCapacity(shard: 2, shardsPerChunk: 2))
    let owners = plan.places.gradientOwners
    var joined = 0
    for (l, work) in plan.work.enumerated() where work.name.hasSuffix("/add") {
      // The last sum's gradient comes block by block, so that its sides' are copies.
      let isPassedOn = plan.gradients[l + 1].residence == .chunk
      #expect(work.hasBackward == !isPassedOn)
      for input in work.inputs {
        #expect(input.isPassedOn == isPassedOn)
        #expect((owners[input.written] == owners[l + 1]) == isPassedOn)
        let adder = plan.work.first { $0.inputs.contains { $0.addsInPlace && $0.written == input.written } }
        // A shortcut without layers is read by the block's first convolution, too.
        #expect((adder != nil) == (isPassedOn && plan.maps[input.written].halo != Halo()))
        joined += adder == nil ? 0 : 1
      }
    }
    #expect(joined == 6)
  }

  @Test("in a sum of sums, what other layers have still to read is not added to")
  func sumOfSums() throws {
    let model = try #require(TestNetworks.meeting.last)
    let plan = try NetworkPlan(model, capacity: ImageCapacity(shard: 2, shardsPerChunk: 2))
    let branch = try #require(plan.work.first { $0.name == "branch_conv" })
    #expect(branch.inputs.map(\.addsInPlace) == [false] && branch.inputs.map(\.adds) == [true])
    // The sum's other side lies where its gradient does.
    let sum = try #require(plan.work.first { $0.name == "third_sum" })
    #expect(sum.inputs.map(\.isPassedOn) == [false, true])
  }
}
