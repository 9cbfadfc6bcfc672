import KernelInterface
import Storage

extension SelfTestKernels {
  /// Pools, equal windows and transposes: kernels that go through whole maps.
  static func maps(_ kernels: KernelTable) -> [(name: String, digest: SHA256Digest)] {
    let kinds: [(String, PoolKind)] = [("max, all ties", .maxAll), ("max, first", .maxFirst), ("average", .average)]
    return kinds.map { ("kernel pool \($0)", pool(kernels, $1)) }
      + kinds.map { ("kernel window pool \($0)", windowPool(kernels, $1)) }
      + [("kernel equal windows", equalWindows(kernels)), ("kernel transpose", transpose(kernels))]
  }

  /// Values of few kinds, so that there are ties.
  private static func tied(_ numbers: Numbers, _ count: Int, seed: UInt64) -> UnsafeMutablePointer<Float> {
    let x = numbers.floats(count, seed: seed)
    for index in 0..<count { x[index] = (4 * x[index]).rounded() / 4 }
    return x
  }

  private static func pool(_ kernels: KernelTable, _ kind: PoolKind) -> SHA256Digest {
    let numbers = Numbers()
    let (images, side, channels) = (2, 5, 32)
    let (small, large) = (side * side * channels, 4 * side * side * channels)
    let pool = PoolArguments(
      images: images, outHeight: side, outWidth: side, channels: channels, xRow: 2 * side * channels, xImage: large,
      outRow: side * channels, outImage: small, dxRow: 2 * side * channels, dxImage: large, doutRow: side * channels,
      doutImage: small, inputReLU: .unlimited)
    let (x, dout) = (tied(numbers, images * large, seed: 41), numbers.floats(images * small, seed: 42))
    let results = numbers.floats(images * (small + large), seed: 43)
    let mask = numbers.integers(images * pool.maskImage) { _ in 0 }
    kernels.poolForward(kind, pool, x, results, mask)
    kernels.poolBackward(kind, pool, mask, dout, results + images * small)
    return numbers.digest(results, images * (small + large))
  }

  /// Patches of 3×3 that step by two pixels, with one row and column of padding.
  private static func windowPool(_ kernels: KernelTable, _ kind: PoolKind) -> SHA256Digest {
    let numbers = Numbers()
    let (images, side, channels) = (2, 4, 32)
    let (small, large) = (side * side * channels, 49 * channels)
    var pool = WindowPoolArguments(
      images: images, inHeight: 7, inWidth: 7, outHeight: side, outWidth: side, channels: channels, patchHeight: 3,
      patchWidth: 3, rowStep: 2, columnStep: 2, top: 1, left: 1)
    (pool.xRow, pool.xImage, pool.dxRow, pool.dxImage) = (7 * channels, large, 7 * channels, large)
    (pool.outRow, pool.outImage, pool.doutRow, pool.doutImage) = (side * channels, small, side * channels, small)
    let (x, dout) = (tied(numbers, images * large, seed: 44), numbers.floats(images * small, seed: 45))
    let results = numbers.floats(images * (small + large), seed: 46)
    let mask = numbers.integers(images * pool.maskImage) { _ in 0 }
    kernels.windowPoolForward(kind, pool, x, results, mask)
    kernels.windowPoolBackward(kind, pool, mask, dout, results + images * small)
    return numbers.digest(results, images * (small + large))
  }

  /// Results of a map whose right half is one colour.
  private static func equalWindows(_ kernels: KernelTable) -> SHA256Digest {
    let numbers = Numbers()
    let (height, width, taps, channels, filters) = (6, 9, 3, 16, 32)
    let (rows, columns) = (height + taps - 1, width + taps - 1)
    let input = numbers.floats(rows * columns * channels, seed: 47)
    for row in 0..<rows {
      for column in columns / 2..<columns {
        for channel in 0..<channels { input[(row * columns + column) * channels + channel] = Float(channel) / 8 }
      }
    }
    let output = numbers.floats(height * width * filters, seed: 48)
    let scratch = numbers.integers(EqualWindows.scratchCount(height: height, width: width, taps: taps)) { _ in 0 }
    kernels.equalizeWindows(
      EqualWindows(
        images: 1, height: height, width: width, taps: taps, input: input, inputImage: rows * columns * channels,
        inputRow: columns * channels, channels: channels, output: output, outputImage: height * width * filters,
        outputRow: width * filters, filters: filters, bias: numbers.floats(filters, seed: 49), relu: .unlimited,
        scratch: scratch))
    return numbers.digest(output, height * width * filters)
  }

  private static func transpose(_ kernels: KernelTable) -> SHA256Digest {
    let numbers = Numbers()
    let (units, examples) = (3, 5)
    let target = numbers.floats(examples * units * 16, seed: 50)
    var transpose = TransposeArguments(
      units: units, examples: examples, source: numbers.floats(units * 16 * 8, seed: 51), sourceStride: 8,
      target: target, targetStride: units * 16, unitOffsets: numbers.integers(units) { $0 * 16 })
    transpose.mask = UnsafePointer(numbers.floats(examples * units * 16, seed: 52))
    transpose.maskStride = units * 16
    kernels.scatterTransposed(transpose)
    return numbers.digest(target, examples * units * 16)
  }

  // MARK: Winograd's transforms

  static func winograd(_ kernels: KernelTable) -> [(name: String, digest: SHA256Digest)] {
    [
      ("kernel winograd maps 3", winogradMaps(kernels, .f4k3)),
      ("kernel winograd maps 5", winogradMaps(kernels, .f4k5)),
      ("kernel winograd kernels 3", winogradKernels(kernels, .f4k3)),
      ("kernel winograd kernels 5", winogradKernels(kernels, .f4k5)),
    ]
  }

  /// Two images of 2×3 tiles into the transform domain by both transforms, and what is there back into maps.
  private static func winogradMaps(_ kernels: KernelTable, _ size: WinogradSize) -> SHA256Digest {
    let numbers = Numbers()
    let (images, rows, columns, channels) = (2, 2, 3, 32)
    let (height, width) = (rows * 4 + size.taps - 1, columns * 4 + size.taps - 1)
    let tiles = images * rows * columns
    let (row, image, plane) = (width * channels, height * width * channels, tiles * channels)
    let map = numbers.floats(images * image, seed: 53)
    let domain = numbers.floats(2 * size.products * plane, seed: 54)
    func run(_ domain: UnsafeMutablePointer<Float>) -> WinogradTiles {
      WinogradTiles(
        size: size, firstTile: 0, tiles: tiles, tileRows: rows, tileColumns: columns, channels: channels, map: map,
        image: image, row: row, height: rows * 4 - 1, width: columns * 4 - 2, domain: domain, plane: plane)
    }
    kernels.winogradInput(run(domain))
    kernels.winogradGradient(run(domain + size.products * plane))
    var output = run(domain)
    output.epilogue = .biasReLU
    output.bias = UnsafePointer(numbers.floats(channels, seed: 55))
    kernels.winogradOutput(output)
    var hash = SHA256()
    hash.update(numbers.digest(domain, 2 * size.products * plane))
    hash.update(numbers.digest(map, images * image))
    return hash.value
  }

  private static func winogradKernels(_ kernels: KernelTable, _ size: WinogradSize) -> SHA256Digest {
    let numbers = Numbers()
    let (count, taps) = (3, size.taps * size.taps)
    let values = numbers.floats(count * taps * 32, seed: 56)
    let domain = numbers.floats(count * size.products * 32, seed: 57)
    var kernel = WinogradKernel(
      size: size, count: count, taps: values, tap: 32, tapStep: taps * 32, domain: domain, plane: 32,
      domainStep: size.products * 32)
    kernels.winogradKernel(kernel)
    kernel.accumulates = true
    kernels.winogradKernelGradient(kernel)
    var hash = SHA256()
    hash.update(numbers.digest(domain, count * size.products * 32))
    hash.update(numbers.digest(values, count * taps * 32))
    return hash.value
  }
}
