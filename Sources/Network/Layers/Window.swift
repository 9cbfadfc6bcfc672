import ConfigurationKeys
import ReferenceKernels

/// Height and width in pixels: of a kernel, of a pool's patch, of a step.
package struct Extent: Hashable, Sendable, CustomStringConvertible {
  package var height: Int
  package var width: Int

  package init(_ height: Int, _ width: Int) {
    self.height = height
    self.width = width
  }

  package init(_ side: Int) { self.init(side, side) }

  package var count: Int { height * width }
  package var description: String { "\(height)×\(width)" }
}

/// The zeros around an image that a window moves over.
package enum Padding: Hashable, Sendable {
  /// As many as give ⌈pixels / stride⌉ results, half of them before; where their number is odd, one more after (Keras).
  case same
  case valid
  /// So many rows and columns.
  case sides(Halo)
}

/// A kernel or a patch that moves over an image: its size, its steps, and the zeros around the image.
package struct Window: Hashable, Sendable {
  package var size: Extent
  package var strides: Extent
  /// Pixels from one tap to the next.
  package var dilation: Extent
  package var padding: Padding

  package init(
    _ size: Extent, strides: Extent = Extent(1), dilation: Extent = Extent(1), padding: Padding = .valid
  ) {
    self.size = size
    self.strides = strides
    self.dilation = dilation
    self.padding = padding
  }

  /// Pixels from the first tap to the last.
  private var reach: Extent {
    Extent((size.height - 1) * dilation.height + 1, (size.width - 1) * dilation.width + 1)
  }

  /// The window on an image, which may be too small for it.
  func placed(on image: ImageShape) -> PlacedWindow {
    var sides: Halo?
    if case .sides(let given) = padding { sides = given }
    func axis(_ pixels: Int, _ side: KeyPath<Extent, Int>, _ before: Int?, _ after: Int?) -> WindowAxis {
      let (stride, reach) = (strides[keyPath: side], self.reach[keyPath: side])
      var padding = (before ?? 0, after ?? 0)
      if self.padding == .same {
        let zeros = max(0, ((pixels - 1) / stride) * stride + reach - pixels)
        padding = (zeros / 2, zeros - zeros / 2)
      }
      return WindowAxis(
        pixels: pixels, taps: size[keyPath: side], stride: stride, dilation: dilation[keyPath: side],
        before: padding.0, after: padding.1)
    }
    return PlacedWindow(
      rows: axis(image.height, \.height, sides?.top, sides?.bottom),
      columns: axis(image.width, \.width, sides?.left, sides?.right))
  }

  /// The zeros around an image.
  package func zeros(around image: ImageShape) -> Halo {
    let (rows, columns) = (placed(on: image).rows, placed(on: image).columns)
    return Halo(top: rows.before, bottom: rows.after, left: columns.before, right: columns.after)
  }

  /// The shape of its results, `channels` of them per place.
  /// - Parameter name: what the configuration calls its size.
  /// - Throws: `LayerMisfit` where the window is larger than the image with its padding.
  func outputShape(_ image: ImageShape, channels: Int, name: String) throws(LayerMisfit) -> ImageShape {
    guard min(size.height, size.width, strides.height, strides.width, dilation.height, dilation.width) >= 1 else {
      throw LayerMisfit("found \(name) \(size), strides \(strides), dilation_rate \(dilation); allowed: at least 1")
    }
    let placed = placed(on: image)
    guard placed.rows.results >= 1, placed.columns.results >= 1 else {
      let padded = Extent(placed.rows.paddedPixels, placed.columns.paddedPixels)
      throw LayerMisfit(
        "\(name) \(size)" + (dilation == Extent(1) ? "" : " with dilation_rate \(dilation)")
          + " covers \(reach) pixels and meets an image of \(image.height)×\(image.width)"
          + (padding == .valid ? "" : ", with its padding \(padded)") + "; allowed: at most \(padded)",
        hint: "padding \"same\" takes any \(name)")
    }
    return ImageShape(height: placed.rows.results, width: placed.columns.results, channels: channels)
  }
}

/// A window on an image.
struct PlacedWindow: Hashable, Sendable {
  let rows: WindowAxis
  let columns: WindowAxis

  /// Taps in all.
  var positions: Int { rows.taps * columns.taps }

  /// Pixels around the image that it covers.
  var halo: Halo {
    Halo(top: rows.before, bottom: rows.covered, left: columns.before, right: columns.covered)
  }

  /// Offset of the pixel under the first tap of the first result.
  func start(in map: MapLayout) -> Int { map.offset(-rows.before, -columns.before) }

  /// The share of the products whose tap is over a pixel, not over the zeros around the image.
  var shareInside: Double {
    rows.shareInside * columns.shareInside
  }
}

/// A window along one side of an image: result i has tap a over pixel `i · stride + a · dilation − before`.
struct WindowAxis: Hashable, Sendable {
  let pixels: Int
  let taps: Int
  let stride: Int
  let dilation: Int
  /// Zeros around the image.
  let before: Int
  let after: Int

  /// Pixels from the first tap to the last.
  private var reach: Int { (taps - 1) * dilation + 1 }
  var paddedPixels: Int { before + pixels + after }
  /// Places where it stands; none where it is larger than the padded image.
  var results: Int { paddedPixels < reach ? 0 : (paddedPixels - reach) / stride + 1 }
  /// The pixel under tap `a` of result `i`; less than 0 before the image.
  func pixel(_ i: Int, _ a: Int) -> Int { i * stride + a * dilation - before }

  /// Pixels after the image that the last result covers.
  var covered: Int { max(0, (results - 1) * stride + reach - before - pixels) }
}

// MARK: Keys

/// The keys of windows.
enum WindowKeys {
  static let size: ClosedRange<Int> = 1...1024

  static let strides = ConfigurationKey(
    "strides", .integers(size, per: "height", "width"), default: .integer(1), "Pixels from one result to the next.")
  static let dilation = ConfigurationKey(
    "dilation_rate", .integers(size, per: "height", "width"), default: .integer(1),
    "Pixels from one tap of the kernel to the next.")

  static func padding(_ documentation: String) -> ConfigurationKey {
    let sides = KeyKind.integers(0...1024, per: "top", "bottom", "left", "right")
    return ConfigurationKey(
      "padding", .either([.choice(["valid", "same"]), sides], allowed: "\"valid\", \"same\", \(sides.allowed)"),
      default: .string("valid"), documentation)
  }
}

extension Extent {
  /// `3` or `[3, 5]` of a configuration.
  init(_ values: KeyValues, _ name: String) {
    let sides = values.integers(name)
    self.init(sides[0], sides[sides.count - 1])
  }

  /// What reads back as the same.
  package var sides: [Int] { [height, width] }
}

extension Padding {
  init(_ values: KeyValues) {
    guard let word = values.word("padding") else {
      let given = values.integers("padding")
      let sides = given.count == 1 ? [Int](repeating: given[0], count: 4) : given
      self = .sides(Halo(top: sides[0], bottom: sides[1], left: sides[2], right: sides[3]))
      return
    }
    self = word == "same" ? .same : .valid
  }

  /// Its word in a configuration, where it has one.
  var word: String? {
    switch self {
    case .same: "same"
    case .valid: "valid"
    case .sides: nil
    }
  }

  /// `same`, `padding 1` or `padding [0, 1, 0, 1]`.
  var summary: String { word ?? (Set(sides).count == 1 ? "padding \(sides[0])" : "padding \(sides)") }

  /// Rows and columns of zeros that are given: top, bottom, left, right.
  var sides: [Int] {
    switch self {
    case .same, .valid: []
    case .sides(let sides): [sides.top, sides.bottom, sides.left, sides.right]
    }
  }
}

extension Window {
  /// What is unusual about it, and its padding, as a layer's `summary` shows them.
  var summary: String {
    (strides == Extent(1) ? "" : "strides \(strides), ") + (dilation == Extent(1) ? "" : "dilation \(dilation), ")
      + padding.summary
  }

  /// The same for the naive twins.
  package var reference: ReferenceWindow {
    let zeros: ReferenceWindow.Zeros =
      switch padding {
      case .same: .same
      case .valid: .sides(top: 0, bottom: 0, left: 0, right: 0)
      case .sides(let sides): .sides(top: sides.top, bottom: sides.bottom, left: sides.left, right: sides.right)
      }
    return ReferenceWindow(
      height: size.height, width: size.width, rowStride: strides.height, columnStride: strides.width,
      rowDilation: dilation.height, columnDilation: dilation.width, zeros: zeros)
  }
}
