import Diagnostics
import Storage

/// The filters of a net's first convolution side by side, each from its least value (black) to its greatest (white).
struct FilterPicture {
  /// A larger first layer is shown in part.
  private static let most = 256
  /// Clear pixels between filters, and how many of the picture's at least make a side of one.
  private static let gap = 2
  private static let shortest = 12

  let layer: String
  let count: Int
  let height: Int
  let width: Int
  private let picture: Picture

  /// From the first tensor of a weights file, if that is a convolution's: [height, width, channels, filters].
  ///
  /// - Returns: `nil` for other nets and for filters of 1×1, which show nothing.
  /// - Throws: as `SafetensorsReader`.
  init?(weights file: FilePlace) throws(UserError) {
    let reader = try SafetensorsReader(try ByteInput(file))
    guard let tensor = reader.tensors.first, tensor.shape.count == 4, tensor.name.hasSuffix(".weight"),
      tensor.shape[0] * tensor.shape[1] > 1, tensor.shape.allSatisfy({ $0 > 0 }),
      tensor.shape[0] * tensor.shape[1] <= 1024
    else { return nil }
    let values = try reader.read(tensor, keeps: true) { _ in }
    self.init(values, shape: tensor.shape, layer: String(tensor.name.dropLast(".weight".count)))
  }

  init(_ values: [Float], shape: [Int], layer: String) {
    let (channels, filters) = (shape[2], shape[3])
    self.layer = layer
    (height, width, count) = (shape[0], shape[1], filters)
    let shown = min(filters, Self.most)
    // About twice as wide as high.
    let columns = (1...shown).first { $0 * $0 >= 2 * shown } ?? shown
    let rows = (shown + columns - 1) / columns
    // A weight is a square of `scale` × `scale` pixels, so that gaps are narrow beside small filters.
    let scale = max(1, (Self.shortest + height - 1) / height)
    let (cellHeight, cellWidth) = (height * scale + Self.gap, width * scale + Self.gap)
    let (totalHeight, totalWidth) = (rows * cellHeight - Self.gap, columns * cellWidth - Self.gap)
    let colours = channels == 3 ? 3 : 1
    var pixels = [UInt8](repeating: 0, count: totalHeight * totalWidth * (colours + 1))
    for k in 0..<shown {
      // Of channels that are not colours the mean is shown.
      func value(_ i: Int, _ j: Int, _ c: Int) -> Float {
        let place = (i * shape[1] + j) * channels
        if colours == 3 { return values[(place + c) * filters + k] }
        return (0..<channels).reduce(0) { $0 + values[(place + $1) * filters + k] } / Float(channels)
      }
      var (least, greatest): (Float, Float) = (.infinity, -.infinity)
      for i in 0..<height {
        for j in 0..<width {
          for c in 0..<colours {
            least = min(least, value(i, j, c))
            greatest = max(greatest, value(i, j, c))
          }
        }
      }
      for y in 0..<height * scale {
        for x in 0..<width * scale {
          let (row, column) = (k / columns * cellHeight + y, k % columns * cellWidth + x)
          let place = (row * totalWidth + column) * (colours + 1)
          for c in 0..<colours {
            let number = value(y / scale, x / scale, c)
            let share = greatest > least ? (number - least) / (greatest - least) : 0.5
            pixels[place + c] = share > 0 ? UInt8(min(255, (share * 255).rounded())) : 0
          }
          pixels[place + colours] = 255
        }
      }
    }
    picture = Picture(height: totalHeight, width: totalWidth, channels: colours + 1, pixels: pixels)
  }

  var json: JSONValue {
    .object([
      .init("layer", .string(layer)), .init("count", .integer(count)), .init("height", .integer(height)),
      .init("width", .integer(width)), .init("png", picture.base64.map { .string($0) } ?? .null),
    ])
  }
}
