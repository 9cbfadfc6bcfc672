// What kernels cannot check of the memory they are given, their arguments can say of themselves. `mistake` is a sentence, or
// `nil` where counts, strides and operands fit together; kernels assert it, which costs nothing where they are optimised.

extension TileSum {
  package var mistake: String? {
    guard rows >= 0, outer >= 0, middle >= 0, inner >= 0 else {
      return "A tile sum cannot have \(rows) rows of \(outer) × \(middle) × \(inner) terms."
    }
    guard lanes >= 0, lanes % 16 == 0 else { return "A tile sum has whole sixteens of lanes, not \(lanes)." }
    guard [aOuter, aMiddle, aInner, bOuter, bMiddle, bInner].allSatisfy({ $0 >= 0 }) else {
      return "A tile sum goes forwards, not by \(aOuter), \(aMiddle), \(aInner) and \(bOuter), \(bMiddle), \(bInner)."
    }
    guard lanes <= 32 || rows == 0 || bBlock >= 0 && outBlock >= 32 else {
      return "Blocks of 32 results that lie \(outBlock) floats apart lie in each other."
    }
    guard termsPerBlock >= 1 else { return "A block of \(termsPerBlock) terms never comes to an end." }
    guard epilogue.hasOperands(bias: bias, mask: mask), mask == nil || maskOffsets != nil else {
      return "The epilogue \(epilogue) of a tile sum lacks its bias, its mask or the mask's offsets."
    }
    for row in 0..<rows where aOffsets[row] < 0 || outOffsets[row] < 0 || mask != nil && maskOffsets?[row] ?? 0 < 0 {
      return "Row \(row) of a tile sum lies before its memory."
    }
    return nil
  }
}

extension Epilogue {
  fileprivate func hasOperands(bias: UnsafePointer<Float>?, mask: UnsafePointer<Float>?) -> Bool {
    switch self {
    case .store, .accumulate, .add: true
    case .bias, .biasReLU: bias != nil
    case .reluGradient: mask != nil
    }
  }
}

extension BiasGradientArguments {
  package var mistake: String? {
    guard images >= 0, height >= 0, width >= 0 else {
      return "A bias gradient cannot add \(images) maps of \(height)×\(width)."
    }
    guard lanes >= 0, lanes % 16 == 0 else { return "A bias gradient has whole sixteens of lanes, not \(lanes)." }
    guard width <= 1 || pixel >= lanes, height <= 1 || row >= width * pixel, images <= 1 || image >= height * row else {
      return "Pixels \(pixel), rows \(row) and images \(image) floats apart lie in each other at "
        + "\(height)×\(width)×\(lanes)."
    }
    return nil
  }
}

extension SoftmaxArguments {
  package var mistake: String? {
    let lanes = (classes + 15) / 16 * 16
    guard examples >= 0, classes >= 1 else {
      return "A softmax cannot have \(examples) examples of \(classes) classes."
    }
    guard examples <= 1 || stride >= lanes, examples <= 1 || gradient == nil || gradientStride >= lanes else {
      return "Rows of \(lanes) floats that lie \(stride) and \(gradientStride) apart lie in each other."
    }
    guard smoothing >= 0, smoothing < 1 else { return "Targets cannot share out \(smoothing) of themselves." }
    guard (others == nil) == (shares == nil) else { return "A second label and the first one's share go together." }
    for n in 0..<(others == nil ? 0 : examples) where others?[n] ?? 0 < 0 || Int(others?[n] ?? 0) >= classes {
      return "Example \(n) has the second label \(others?[n] ?? 0), but there are \(classes) classes."
    }
    for n in 0..<examples where labels[n] >= classes {
      return "Example \(n) has the label \(labels[n]), but there are \(classes) classes."
    }
    return nil
  }
}

extension SGDArguments {
  package var mistake: String? {
    guard count >= 0, count % 16 == 0 else { return "An update takes whole sixteens of floats, not \(count)." }
    return m > 0 ? nil : "An update divides by the examples of a batch, not by \(m)."
  }
}

extension DropoutMask {
  package var mistake: String? {
    elements >= 0 ? nil : "There are no \(elements) elements of which some are kept."
  }
}

extension DropoutArguments {
  package var mistake: String? {
    guard pixels >= 0, channels >= 0, firstBit >= 0 else {
      return "Dropout cannot keep some of \(pixels) pixels of \(channels) channels from bit \(firstBit) on."
    }
    return stride >= channels && stride % 16 == 0
      ? nil : "Pixels of \(stride) floats are not whole sixteens that hold \(channels) channels."
  }
}

extension AdamArguments {
  package var mistake: String? {
    guard count >= 0, count % 16 == 0 else { return "An update takes whole sixteens of floats, not \(count)." }
    guard epsilon > 0 else { return "An update divides by at least its epsilon, \(epsilon)." }
    return m > 0 ? nil : "An update divides by the examples of a batch, not by \(m)."
  }
}

extension RMSPropArguments {
  package var mistake: String? {
    guard count >= 0, count % 16 == 0 else { return "An update takes whole sixteens of floats, not \(count)." }
    guard epsilon > 0 else { return "An update divides by at least its epsilon, \(epsilon)." }
    return m > 0 ? nil : "An update divides by the examples of a batch, not by \(m)."
  }
}

extension ColumnHash {
  package var mistake: String? {
    rows >= 0 && rows % 16 == 0 ? nil : "Columns of \(rows) words are not whole blocks of sixteen."
  }
}

extension PoolArguments {
  /// - Parameter isBackward: whether the gradients' strides count, or the maps'.
  package func mistake(isBackward: Bool) -> String? {
    guard images >= 0, outHeight >= 0, outWidth >= 0 else {
      return "A pool cannot have \(images) results of \(outHeight)×\(outWidth)."
    }
    guard channels >= 0, channels % 16 == 0 else { return "A pool has whole sixteens of channels, not \(channels)." }
    let (row, image, outRow, outImage) =
      isBackward ? (dxRow, dxImage, doutRow, doutImage) : (xRow, xImage, self.outRow, self.outImage)
    let pixels = outWidth * channels
    guard row >= 2 * pixels, outHeight <= 1 || outRow >= pixels,
      images <= 1 || image >= 2 * outHeight * row - (row - 2 * pixels) && outImage >= (outHeight - 1) * outRow + pixels
    else {
      return "Rows \(row) and \(outRow), images \(image) and \(outImage) floats apart lie in each other at "
        + "\(outHeight)×\(outWidth)×\(channels) results."
    }
    return nil
  }
}

extension TransposeArguments {
  package var mistake: String? {
    guard units >= 0, examples >= 0 else { return "There are no \(units) units of \(examples) examples to transpose." }
    guard sourceStride >= examples, examples <= 1 || targetStride >= 16 else {
      return "Rows \(sourceStride) floats apart cannot hold \(examples) examples, or examples \(targetStride) apart "
        + "cannot hold a unit."
    }
    guard examples <= 1 || mask == nil || maskStride >= 16 else {
      return "Examples of a mask that lie \(maskStride) floats apart lie in each other."
    }
    for unit in 0..<units where unitOffsets[unit] < 0 { return "Unit \(unit) lies before its target." }
    return nil
  }
}

extension WinogradTiles {
  /// - Parameter writesMap: whether the tiles are results, of which each has a pixel of the map at least.
  package func mistake(writesMap: Bool) -> String? {
    guard firstTile >= 0, tiles >= 0, tileRows >= 1, tileColumns >= 1 else {
      return "There are no \(tiles) tiles from \(firstTile) on among \(tileRows)×\(tileColumns) of an image."
    }
    guard channels >= 0, channels % 16 == 0 else { return "Tiles have whole sixteens of channels, not \(channels)." }
    guard plane >= (blockStep == 0 ? tiles * channels : (channels + 31) / 32 * blockStep) else {
      return "A plane of \(plane) floats cannot hold \(tiles) tiles of \(channels) channels."
    }
    guard blockStep == 0 || blockStep >= 32 * tiles && !writesMap else {
      return "Blocks \(blockStep) floats apart cannot hold \(tiles) tiles of 32 channels, or are read."
    }
    guard row >= width * channels, image >= (height - 1) * row + width * channels else {
      return "Rows \(row) and images \(image) floats apart lie in each other at \(height)×\(width)×\(channels)."
    }
    let lastPixel = (row: WinogradSize.outputs * (tileRows - 1), column: WinogradSize.outputs * (tileColumns - 1))
    guard !writesMap || height > lastPixel.row && width > lastPixel.column else {
      return "The last of \(tileRows)×\(tileColumns) tiles lies outside a map of \(height)×\(width)."
    }
    guard epilogue.hasOperands(bias: bias, mask: mask) else {
      return "The epilogue \(epilogue) of tiles lacks its bias or mask."
    }
    guard !adds || writesMap && bias == nil else { return "Tiles are added to a map without a bias, and to no domain." }
    return nil
  }
}

extension WinogradKernel {
  package var mistake: String? {
    guard count >= 0 else { return "There are no \(count) kernels." }
    guard tap >= 32, plane >= 32, count <= 1 || tapStep >= 32 && domainStep >= 32 else {
      return "Taps \(tap) and \(tapStep), products \(plane) and \(domainStep) floats apart lie in each other."
    }
    return nil
  }
}

extension EqualWindows {
  package var mistake: String? {
    guard images >= 0, height >= 1, width >= 1, taps >= 1 else {
      return "There are no \(images) images of \(height)×\(width) windows of \(taps)×\(taps)."
    }
    guard channels >= 16, filters >= 16, channels % 16 == 0, filters % 16 == 0 else {
      return "Windows have whole sixteens of channels and filters, not \(channels) and \(filters)."
    }
    guard inputRow >= inputWidth * channels, outputRow >= width * filters,
      images <= 1 || inputImage >= height * inputRow && outputImage >= (height - 1) * outputRow + width * filters
    else {
      return "Rows \(inputRow), \(outputRow) and images \(inputImage), \(outputImage) floats apart lie in each other."
    }
    return nil
  }
}
