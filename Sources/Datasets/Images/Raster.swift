import Diagnostics

/// The pixels of one image, height×width×channels bytes, row-major.
///
/// One channel is grey, two are grey and alpha, three red, green and blue, four these and alpha.
struct Raster: Hashable {
  var height: Int
  var width: Int
  var channels: Int
  var pixels: [UInt8]

  init(height: Int, width: Int, channels: Int, pixels: [UInt8]) {
    precondition(pixels.count == height * width * channels, "The pixels are not those of the shape.")
    self.height = height
    self.width = width
    self.channels = channels
    self.pixels = pixels
  }

  /// The same image with `count` channels, 1 to 4: grey is repeated, alpha left out, or added where there is none: opaque.
  ///
  /// Grey from colour is (19595·R + 38470·G + 7471·B + 32768) >> 16, the weights of ITU-R BT.601.
  func converted(toChannels count: Int) -> Raster {
    precondition((1...4).contains(count), "Images have 1 to 4 channels.")
    guard count != channels else { return self }
    let (hasColour, hasAlpha) = (channels >= 3, channels % 2 == 0)
    let (wantsColour, wantsAlpha) = (count >= 3, count % 2 == 0)
    let pixels = [UInt8](unsafeUninitializedCapacity: height * width * count) { target, filled in
      var to = 0
      for from in stride(from: 0, to: self.pixels.count, by: channels) {
        switch (hasColour, wantsColour) {
        case (true, true):
          for c in 0..<3 { target[to + c] = self.pixels[from + c] }
        case (true, false):
          let (r, g, b) = (Int(self.pixels[from]), Int(self.pixels[from + 1]), Int(self.pixels[from + 2]))
          target[to] = UInt8(truncatingIfNeeded: (19595 * r + 38470 * g + 7471 * b + 32768) >> 16)
        case (false, true):
          for c in 0..<3 { target[to + c] = self.pixels[from] }
        case (false, false): target[to] = self.pixels[from]
        }
        if wantsAlpha { target[to + count - 1] = hasAlpha ? self.pixels[from + channels - 1] : 255 }
        to += count
      }
      filled = to
    }
    return Raster(height: height, width: width, channels: count, pixels: pixels)
  }

  /// The image as it is to be seen, where `orientation`, 1 to 8, says how it is stored (EXIF's tag 0x0112).
  func upright(_ orientation: Int) -> Raster {
    guard (2...8).contains(orientation) else { return self }
    let isTurned = orientation >= 5
    let (rows, columns) = isTurned ? (width, height) : (height, width)
    let pixels = [UInt8](unsafeUninitializedCapacity: self.pixels.count) { target, filled in
      var to = 0
      for i in 0..<rows {
        for j in 0..<columns {
          let (row, column) =
            switch orientation {
            case 2: (i, width - 1 - j)
            case 3: (height - 1 - i, width - 1 - j)
            case 4: (height - 1 - i, j)
            case 5: (j, i)
            case 6: (height - 1 - j, i)
            case 7: (height - 1 - j, width - 1 - i)
            default: (j, width - 1 - i)
            }
          let from = (row * width + column) * channels
          for c in 0..<channels { target[to + c] = self.pixels[from + c] }
          to += channels
        }
      }
      filled = to
    }
    return Raster(height: rows, width: columns, channels: channels, pixels: pixels)
  }

  /// The middle `height`×`width` of a larger or equal image.
  ///
  /// Of an odd difference d, ⌊d/2⌋ or the next even number rows are left out above: torchvision's rule.
  func cropped(height rows: Int, width columns: Int) -> Raster {
    precondition(rows <= height && columns <= width, "A crop is not larger than the image.")
    func start(_ difference: Int) -> Int { difference / 2 + (difference % 2 == 0 ? 0 : difference / 2 % 2) }
    let (top, left) = (start(height - rows), start(width - columns))
    guard (rows, columns) != (height, width) else { return self }
    let pixels = [UInt8](unsafeUninitializedCapacity: rows * columns * channels) { target, filled in
      var to = 0
      for i in top..<top + rows {
        let from = (i * width + left) * channels
        for k in 0..<columns * channels { target[to + k] = self.pixels[from + k] }
        to += columns * channels
      }
      filled = to
    }
    return Raster(height: rows, width: columns, channels: channels, pixels: pixels)
  }
}
