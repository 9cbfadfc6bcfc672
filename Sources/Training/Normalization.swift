import Configuration
import Datasets

/// Pixels to floats, `(pixel · scale − mean[c]) / std[c]` in Double and rounded once; bytes through a table.
///
/// `@unchecked Sendable` is safe because the table is written in `init` alone.
final class Normalization: @unchecked Sendable {
  private let channels: Int
  private let scale: Double
  private let mean: UnsafeMutablePointer<Double>
  private let std: UnsafeMutablePointer<Double>
  /// [channels, 256]: what bytes become.
  let table: UnsafeMutablePointer<Float>

  init(_ data: DataConfiguration, channels: Int) {
    self.channels = channels
    scale = data.scale
    mean = .allocate(capacity: channels)
    std = .allocate(capacity: channels)
    for c in 0..<channels {
      (mean + c).initialize(to: data.mean[data.mean.count == 1 ? 0 : c])
      (std + c).initialize(to: data.std[data.std.count == 1 ? 0 : c])
    }
    table = .allocate(capacity: channels * 256)
    for c in 0..<channels {
      for byte in 0..<256 { table[c * 256 + byte] = value(Double(byte), c) }
    }
  }

  deinit {
    table.deallocate()
    mean.deallocate()
    std.deallocate()
  }

  @inline(__always)
  func value(_ pixel: Double, _ c: Int) -> Float { Float((pixel * scale - mean[c]) / std[c]) }

  /// The pixel that `value` makes this of, but for rounding.
  func pixel(_ value: Float, _ c: Int) -> Float { Float((Double(value) * std[c] + mean[c]) / scale) }

  /// Writes an image whose pixels are floats.
  func load(_ raw: RawImage, into target: TargetImage) {
    var source = raw.pixels
    for i in 0..<raw.height {
      let line = target.place(i, 0)
      for j in 0..<raw.width {
        for c in 0..<channels { line[j * target.pixel + c] = value(Double(source[c]), c) }
        source += channels
      }
    }
  }

  /// Writes example `index` row by row: pixel (i, j) of channel c goes to `target[i · row + j · pixel + c]`.
  func load(_ dataset: ImageDataset, example index: Int, into target: UnsafeMutablePointer<Float>, row: Int, pixel: Int)
  {
    let width = dataset.width
    let size = dataset.height * width * channels
    if let bytes = dataset.bytes {
      var source = bytes + index * size
      for i in 0..<dataset.height {
        let line = target + i * row
        if channels == 1 {
          for j in 0..<width { line[j * pixel] = table[Int(source[j])] }
        } else {
          for j in 0..<width {
            for c in 0..<channels { line[j * pixel + c] = table[c * 256 + Int(source[j * channels + c])] }
          }
        }
        source += width * channels
      }
    } else if let floats = dataset.floats {
      var source = floats + index * size
      for i in 0..<dataset.height {
        for j in 0..<width {
          for c in 0..<channels {
            target[i * row + j * pixel + c] = value(Double(source[j * channels + c]), c)
          }
        }
        source += width * channels
      }
    }
  }
}
