import Diagnostics

extension ModelSpecification {
  /// The most elements of one feature map, and the most entries of a weight tensor's side.
  private static var largestFeatureMap: Int { Int(Int32.max) }
  /// The most entries of a weight tensor: far above any memory, and so small that sizes in bytes do not overflow.
  fileprivate static var largestWeight: Int { 1 << 40 }

  /// The output shape of every layer in order, after checking that the layers fit together.
  ///
  /// Flat values have the shape 1×1×n. The rules: softmax last and only there; dense and softmax on flat values;
  /// convolutions and pools before `flatten`; even sides at a 2×2 pool; at least one layer with parameters.
  /// - Throws: `UserError(.badConfiguration)` about `model.layers[i] (name)` with the shape that does not fit.
  package func outputShapes() throws(UserError) -> [ImageShape] {
    guard input.height > 0, input.width > 0, input.channels > 0 else {
      throw UserError(.badConfiguration, "model.input", "found \(input); allowed: sizes of at least 1")
    }
    guard layers.contains(where: \.kind.hasParameters) else {
      throw UserError(
        .badConfiguration, "model.layers", "found no layer with parameters; allowed: at least one conv2d or dense")
    }
    var shapes: [ImageShape] = []
    shapes.reserveCapacity(layers.count)
    var walk: ShapeWalk = ShapeWalk(shape: input)
    for (index, layer) in layers.enumerated() {
      walk.subject = "model.layers[\(index)] (\(layer.name))"
      if layer.kind == .softmax, index != layers.count - 1 {
        throw walk.failure("softmax is layer \(index + 1) of \(layers.count); allowed: softmax as the last layer only")
      }
      try walk.pass(layer.kind)
      guard walk.shape.elementCount <= Self.largestFeatureMap else {
        throw walk.failure(
          "its output of \(walk.shape) has \(walk.shape.elementCount) values; allowed: at most \(Self.largestFeatureMap)"
        )
      }
      shapes.append(walk.shape)
    }
    guard layers.last?.kind == .softmax else {
      throw walk.failure("the last layer is \(layers.last?.kind.typeName ?? ""); allowed: softmax as the last layer")
    }
    return shapes
  }
}

extension LayerKind {
  fileprivate var hasParameters: Bool {
    switch self {
    case .conv2d, .dense: true
    case .relu, .maxPool2d, .averagePool2d, .flatten, .softmax: false
    }
  }
}

/// The shape on its way through the layers.
private struct ShapeWalk {
  var shape: ImageShape
  var isFlat: Bool = false
  var subject: String = ""

  init(shape: ImageShape) { self.shape = shape }

  func failure(_ message: String, hint: String? = nil) -> UserError {
    UserError(.badConfiguration, subject, message, hint: hint)
  }

  mutating func pass(_ kind: LayerKind) throws(UserError) {
    switch kind {
    case .conv2d(let filters, let kernelSize, let padding, let algorithm):
      try needImage(kind)
      guard filters >= 1, kernelSize >= 1 else {
        throw failure("found filters \(filters), kernel_size \(kernelSize); allowed: at least 1")
      }
      guard algorithm != .winograd || WinogradPlan.kernelSizes.contains(kernelSize) else {
        throw failure(
          "found algorithm \"winograd\" with kernel_size \(kernelSize); allowed: kernel_size 3 or 5, for which there are "
            + "transforms", hint: "algorithm \"auto\" takes Winograd's method where it helps")
      }
      try needWeight([kernelSize, kernelSize, shape.channels, filters])
      shape.channels = filters
      guard padding == .valid else { return }
      guard kernelSize <= min(shape.height, shape.width) else {
        throw failure(
          "kernel_size \(kernelSize) with padding \"valid\" meets an image of \(shape.height)×\(shape.width); "
            + "allowed: at most \(min(shape.height, shape.width))", hint: "padding \"same\" takes any kernel_size")
      }
      shape.height -= kernelSize - 1
      shape.width -= kernelSize - 1
    case .maxPool2d, .averagePool2d:
      try needImage(kind)
      guard shape.height.isMultiple(of: 2), shape.width.isMultiple(of: 2) else {
        throw failure(
          "a 2×2 pool meets the input shape \(shape); allowed: even height and width",
          hint: "change model.input, or padding or kernel_size of a conv2d before it")
      }
      shape.height /= 2
      shape.width /= 2
    case .flatten:
      guard !isFlat else { throw failure("its input is flat already; allowed: one flatten") }
      isFlat = true
      shape = ImageShape(height: 1, width: 1, channels: shape.elementCount)
    case .dense(let units):
      try needFlat(kind)
      guard units >= 1 else { throw failure("found units \(units); allowed: at least 1") }
      try needWeight([units, shape.channels])
      shape.channels = units
    case .softmax:
      try needFlat(kind)
    case .relu:
      break
    }
  }

  private func needWeight(_ shape: [Int]) throws(UserError) {
    var count: Int = 1
    for size: Int in shape {
      let (product, overflow): (Int, Bool) = count.multipliedReportingOverflow(by: size)
      count = overflow ? Int.max : product
    }
    guard count <= ModelSpecification.largestWeight else {
      throw failure(
        "its weight of shape \(shape) has too many values; allowed: at most \(ModelSpecification.largestWeight)")
    }
  }

  private func needImage(_ kind: LayerKind) throws(UserError) {
    guard !isFlat else {
      throw failure(
        "\(kind.typeName) meets \(shape.channels) flat values; allowed: images of height×width×channels",
        hint: "put it before flatten")
    }
  }

  private func needFlat(_ kind: LayerKind) throws(UserError) {
    guard isFlat else {
      throw failure(
        "\(kind.typeName) meets images of shape \(shape); allowed: flat values",
        hint: "put { type: \"flatten\" } before it")
    }
  }
}
