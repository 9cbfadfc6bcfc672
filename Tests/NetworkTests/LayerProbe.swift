import KernelInterface
import ReferenceKernels

@testable import Network

/// One layer with parameters through the production kernels, with any gradient of its output.
enum LayerProbe {
  struct Result: Equatable {
    var z: [Float]
    /// Summed over the examples, not divided by m.
    var dw: [Float]
    /// Empty where the layer has no bias.
    var db: [Float]
    var dx: [Float]
  }

  /// `dz[n]` is the gradient of the summed loss by output n, [outputs] row-major.
  ///
  /// The gradient comes in through softmax's: for a dense layer directly, for a convolution through a dense layer with
  /// one unit per example, whose weights are `dz` and of whose gradient only the example's own unit is 1. Both are exact.
  static func run(
    _ kind: LayerKind, x: Tensor4, weight: [Float], bias: [Float]?, dz: [Float], kernels: KernelTable
  ) throws -> Result {
    let isDense = kind.type is Dense
    let head: [LayerKind] = isDense ? [.flatten, kind, .softmax] : [kind, .flatten, .dense(units: x.count), .softmax]
    let model = ModelSpecification(
      input: ImageShape(height: x.height, width: x.width, channels: x.channels),
      layers: head.enumerated().map { LayerSpecification(name: "l\($0.offset)", kind: $0.element) })
    let plan = try NetworkPlan(model, capacity: ImageCapacity(shard: x.count), computesInputGradient: true)
    let parameters = plan.parameters
    let memory = UnsafeMutableRawPointer.allocate(byteCount: Workspace.byteCount(plan), alignment: 64)
    let flat = UnsafeMutablePointer<Float>.allocate(capacity: 2 * parameters.packedCount + plan.preparedCount)
    defer {
      memory.deallocate()
      flat.deallocate()
    }
    flat.initialize(repeating: 0, count: 2 * parameters.packedCount + plan.preparedCount)
    let (gradient, prepared) = (flat + parameters.packedCount, flat + 2 * parameters.packedCount)
    let workspace = Workspace(plan, memory: memory)
    parameters.pack(parameters.parameters[0], weight, into: flat)
    if let bias { parameters.pack(parameters.parameters[1], bias, into: flat) }
    if !isDense { parameters.pack(parameters.parameters[bias == nil ? 1 : 2], dz, into: flat) }
    plan.prepareWeights(flat, into: prepared, scratch: workspace, part: 0, of: 1, kernels: kernels)
    for n in 0..<x.count {
      let input = plan.input(workspace, image: n, of: 0..<x.count)
      workspace.describe(image: n, example: n, label: 0)
      for i in 0..<x.height {
        for j in 0..<x.width {
          for c in 0..<x.channels { input.pixels[i * input.row + j * input.pixel + c] = Float(x[n, i, j, c]) }
        }
      }
    }
    let inputs = PassInputs(weights: flat, prepared: prepared, kernels: kernels)
    let images = 0..<x.count
    plan.forward(workspace, images: images, inputs)
    let logits = plan.layers.count - 1
    let map = plan.gradients[logits]
    let outputs = dz.count / x.count
    for n in 0..<x.count {
      let row = workspace.gradients[logits] + n * map.imageStride
      for k in 0..<plan.classes { row[k] = isDense ? dz[n * outputs + k] : (k == n ? 1 : 0) }
    }
    let pass = Pass(workspace, inputs)
    plan.inputGradientsOfBack(plan.layers.indices, pass, images)
    plan.backward(
      from: plan.frontCount - 1, downTo: 0, pass, plan.wholeChunk(images), into: GradientTarget(flat: gradient)
    ) { _ in }
    plan.parameterGradientsOfBack(plan.layers.indices, pass, images: images, into: gradient)
    return Result(
      z: (0..<x.count).flatMap { values(of: plan.maps[1], at: workspace.maps[1], image: $0) },
      dw: parameters.unpack(parameters.parameters[0], from: gradient),
      db: bias == nil ? [] : parameters.unpack(parameters.parameters[1], from: gradient),
      dx: (0..<x.count).flatMap { plan.inputGradient(workspace, imageOfChunk: $0) })
  }

  private static func values(of map: MapLayout, at start: UnsafeMutablePointer<Float>, image: Int) -> [Float] {
    var values: [Float] = []
    for i in 0..<map.shape.height {
      for j in 0..<map.shape.width {
        for c in 0..<map.shape.channels { values.append(start[image * map.imageStride + map.offset(i, j) + c]) }
      }
    }
    return values
  }
}
