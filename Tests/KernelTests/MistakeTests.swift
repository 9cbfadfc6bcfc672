import KernelInterface
import TestSupport
import Testing

/// What arguments of kernels say of themselves; debug builds of the kernels assert that they say nothing.
@Suite("Mistakes in arguments")
struct MistakeTests {
  private let floats = FloatBuffer(64, fill: 0)
  private let offsets = Int32Buffer([0, 16, 32])

  /// Expects a mistake of every change and none without.
  private func expect<Arguments>(
    _ arguments: Arguments, _ mistake: (Arguments) -> String?, _ changes: [(inout Arguments) -> Void],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(mistake(arguments) == nil, sourceLocation: sourceLocation)
    for (number, change) in changes.enumerated() {
      var changed = arguments
      change(&changed)
      let text = mistake(changed)
      #expect(text?.hasSuffix(".") == true, "change \(number)", sourceLocation: sourceLocation)
    }
  }

  @Test("of sums") func tileSums() {
    let before = Int32Buffer([0, -1, 32])
    var sum = TileSum(
      a: floats.pointer, aOffsets: offsets.pointer, b: floats.pointer, out: floats.pointer, outOffsets: offsets.pointer)
    sum.rows = 3
    sum.lanes = 48
    expect(
      sum, \.mistake,
      [
        { $0.rows = -1 }, { $0.inner = -1 }, { $0.lanes = 17 }, { $0.aInner = -1 }, { $0.bBlock = -32 },
        { $0.outBlock = 16 }, { $0.termsPerBlock = 0 }, { $0.epilogue = .bias }, { $0.epilogue = .reluGradient },
        { $0.mask = UnsafePointer(floats.pointer) }, { $0.aOffsets = UnsafePointer(before.pointer) },
        { $0.outOffsets = UnsafePointer(before.pointer) },
      ])
    sum.bias = UnsafePointer(floats.pointer)
    sum.epilogue = .biasReLU
    #expect(sum.mistake == nil)
  }

  @Test("of bias gradients, updates and transposes") func elementwise() {
    expect(
      BiasGradientArguments(
        map: floats.pointer, out: floats.pointer, images: 2, height: 2, width: 2, image: 64, row: 32, pixel: 16,
        lanes: 16
      ), \.mistake,
      [
        { $0.images = -1 }, { $0.lanes = 8 }, { $0.pixel = 8 }, { $0.row = 16 }, { $0.image = 48 },
      ])
    expect(
      SGDArguments(
        sum: floats.pointer, weights: floats.pointer, velocity: floats.pointer, count: 32, m: 2, rate: 1, momentum: 0,
        decay: 0, nesterov: false), \.mistake, [{ $0.count = 31 }, { $0.count = -16 }, { $0.m = 0 }])
    expect(
      AdamArguments(
        sum: floats.pointer, weights: floats.pointer, first: floats.pointer, second: floats.pointer, count: 32, m: 2,
        decay: 0, shrink: 0, rate: 1, firstShare: 0, secondKept: 0, secondShare: 1, scale: 1, epsilon: 1e-8),
      \.mistake, [{ $0.count = 31 }, { $0.count = -16 }, { $0.m = 0 }, { $0.epsilon = 0 }])
    expect(
      RMSPropArguments(
        sum: floats.pointer, weights: floats.pointer, square: floats.pointer, mean: nil, velocity: nil, count: 32, m: 2,
        decay: 0, rate: 1, momentum: 0, kept: 0, share: 1, epsilon: 1e-8),
      \.mistake, [{ $0.count = 31 }, { $0.count = -16 }, { $0.m = 0 }, { $0.epsilon = 0 }])
    let before = Int32Buffer([-16])
    expect(
      TransposeArguments(
        units: 1, examples: 2, source: floats.pointer, sourceStride: 2, target: floats.pointer, targetStride: 16,
        unitOffsets: offsets.pointer), \.mistake,
      [
        { $0.units = -1 }, { $0.sourceStride = 1 }, { $0.targetStride = 15 },
        { $0.mask = UnsafePointer(floats.pointer) },
        { $0.unitOffsets = UnsafePointer(before.pointer) },
      ])
  }

  @Test("of dropout") func dropout() {
    expect(
      DropoutMask(
        seed: 1, purpose: 5, stream: 0, firstBlock: 0, threshold: 9, elements: 31,
        mask: UnsafeMutablePointer(mutating: offsets.pointer)), \.mistake, [{ $0.elements = -1 }])
    expect(
      DropoutArguments(
        mask: offsets.pointer, firstBit: 0, scale: 2, pixels: 2, channels: 17, stride: 32, x: floats.pointer,
        out: floats.pointer), \.mistake,
      [{ $0.pixels = -1 }, { $0.channels = 33 }, { $0.channels = -1 }, { $0.stride = 24 }, { $0.firstBit = -8 }])
  }

  @Test("of softmax") func softmax() {
    let labels = Int32Buffer([-1, 2])
    expect(
      SoftmaxArguments(
        examples: 2, classes: 3, logits: floats.pointer, stride: 16, labels: labels.pointer, probabilities: nil,
        gradient: floats.pointer, gradientStride: 16, losses: floats.pointer,
        correct: UnsafeMutablePointer(labels.pointer)
      ), \.mistake,
      [{ $0.examples = -1 }, { $0.classes = 0 }, { $0.classes = 2 }, { $0.stride = 3 }, { $0.gradientStride = 0 }])
  }

  @Test("of pools") func pools() {
    let pool = PoolArguments(
      images: 2, outHeight: 2, outWidth: 2, channels: 16, xRow: 64, xImage: 256, outRow: 32, outImage: 64, dxRow: 64,
      dxImage: 256, doutRow: 32, doutImage: 64, inputReLU: nil)
    expect(
      pool, { $0.mistake(isBackward: false) },
      [{ $0.channels = 8 }, { $0.xRow = 48 }, { $0.xImage = 64 }, { $0.outRow = 16 }, { $0.outImage = 32 }])
    expect(
      pool, { $0.mistake(isBackward: true) },
      [{ $0.images = -1 }, { $0.dxRow = 48 }, { $0.dxImage = 64 }, { $0.doutRow = 16 }, { $0.doutImage = 32 }])
  }

  @Test("of windows") func windows() {
    let ints = Int32Buffer([Int](repeating: 0, count: 64))
    expect(
      EqualWindows(
        images: 2, height: 2, width: 1, taps: 3, input: floats.pointer, inputImage: 192, inputRow: 48, channels: 16,
        output: floats.pointer, outputImage: 32, outputRow: 16, filters: 16, bias: floats.pointer, relu: nil,
        scratch: ints.pointer), \.mistake,
      [
        { $0.images = -1 }, { $0.height = 0 }, { $0.width = 0 }, { $0.taps = 0 }, { $0.channels = 8 },
        { $0.filters = 24 }, { $0.inputRow = 32 }, { $0.outputRow = 0 }, { $0.inputImage = 64 },
        { $0.outputImage = 16 },
      ])
  }

  @Test("of transforms") func winograd() {
    let tiles = WinogradTiles(
      size: .f4k3, firstTile: 0, tiles: 4, tileRows: 2, tileColumns: 2, channels: 16, map: floats.pointer, image: 400,
      row: 80, height: 5, width: 5, domain: floats.pointer, plane: 64)
    expect(
      tiles, { $0.mistake(writesMap: true) },
      [
        { $0.tiles = -1 }, { $0.tileRows = 0 }, { $0.channels = 8 }, { $0.plane = 63 }, { $0.row = 79 },
        { $0.image = 399 }, { $0.width = 4 }, { $0.height = 4 }, { $0.epilogue = .biasReLU }, { $0.blockStep = 64 },
      ])
    var blocks = tiles
    (blocks.blockStep, blocks.plane) = (128, 128)
    expect(blocks, { $0.mistake(writesMap: false) }, [{ $0.blockStep = 127 }, { $0.plane = 127 }])
    expect(
      WinogradKernel(
        size: .f4k5, count: 2, taps: floats.pointer, tap: 32, tapStep: 32, domain: floats.pointer, plane: 64,
        domainStep: 32), \.mistake, [{ $0.count = -1 }, { $0.tap = 16 }, { $0.plane = 16 }, { $0.domainStep = 16 }])
  }
}
