import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

/// Equal windows get equal results, zeros exactly the bias, and nothing else changes.
@Suite("Equal windows")
struct EqualWindowsTests {
  /// Pixels of an image by their colours: 0 is black in all channels, the others are any.
  enum Picture: CaseIterable {
    case noise, black, grey, rectangle, stripes, columns, pocket, blackPocket, onePixel, lastChannel

    /// The colour of a pixel of `height`×`width`.
    func colour(_ i: Int, _ j: Int, _ height: Int, _ width: Int) -> Int {
      switch self {
      case .noise: 100 + i * width + j
      case .black: 0
      case .grey: 1
      case .rectangle: (3..<6).contains(i) && (2..<7).contains(j) ? 100 + i * width + j : 1
      case .stripes: 1 + i / 4
      case .columns: j / 5
      // An area that begins left and right of the noise and meets below it.
      case .pocket, .blackPocket:
        i < height - 6 && (7..<max(7, width - 7)).contains(j) ? 100 + i * width + j : self == .pocket ? 1 : 0
      case .onePixel: i == 4 && j == 4 ? 7 : 0
      // As grey, but for the last channel, which is noise.
      case .lastChannel: 1
      }
    }
  }

  @Test("as in the naive twin, in every build", arguments: Picture.allCases, [3, 5])
  func twin(picture: Picture, taps: Int) {
    let limited = FusedReLU(limit: 0.5)
    for (height, width, channels, filters, relu) in [
      (1, 1, 16, 16, nil), (1, 7, 16, 32, .unlimited), (9, 13, 32, 16, nil), (12, 11, 48, 48, limited),
      (16, 18, 16, 16, .unlimited),
    ] as [(Int, Int, Int, Int, FusedReLU?)] {
      let images = 3
      let (rows, columns) = (height + taps - 1, width + taps - 1)
      let (inputRow, outputRow) = ((columns + 2) * channels, (width + 1) * filters)
      let (inputImage, outputImage) = (rows * inputRow + 32, height * outputRow + 16)
      var random = RandomFloats(seed: height * 31 + taps)
      let colours = random.array(1000 * channels)
      let input = FloatBuffer(random.array(images * inputImage))
      for n in 0..<images {
        for i in 0..<rows {
          for j in 0..<columns {
            // The second image has another picture: noise.
            let colour = (n == 1 ? .noise : picture).colour(i, j, rows, columns)
            for c in 0..<channels where !(picture == .lastChannel && c == channels - 1) {
              input.pointer[n * inputImage + i * inputRow + j * channels + c] =
                colour == 0 ? 0 : colours[colour * channels + c]
            }
          }
        }
      }
      let results = random.array(images * outputImage)
      let bias = FloatBuffer(random.array(filters))
      func run(_ kernel: (EqualWindows) -> Void) -> FloatBuffer {
        let output = FloatBuffer(results)
        let count = EqualWindows.scratchCount(height: height, width: width, taps: taps)
        let scratch = Int32Buffer([Int](repeating: -7, count: count + 4))
        kernel(
          EqualWindows(
            images: images, height: height, width: width, taps: taps, input: UnsafePointer(input.pointer),
            inputImage: inputImage, inputRow: inputRow, channels: channels, output: output.pointer,
            outputImage: outputImage, outputRow: outputRow, filters: filters, bias: UnsafePointer(bias.pointer),
            relu: relu, scratch: scratch.pointer))
        #expect(output.isIntact && scratch.values[count...] == [-7, -7, -7, -7])
        return output
      }
      let expected = run(NaiveKernels.equalizeWindows)
      for kernels in runnableKernels {
        #expect(
          run(kernels.equalizeWindows).bits == expected.bits, "\(kernels.name), \(height)×\(width)×\(channels)")
      }
      let changes = zip(expected.values, results).filter { $0 != $1 }.count
      let isChanged = picture != .noise && picture != .lastChannel && (height > 1 || picture == .black)
      #expect((changes > 0) == isChanged || height == 1, "\(height)×\(width): \(changes)")
    }
  }
}
