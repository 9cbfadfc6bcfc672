/// Which minimal filtering algorithm: both compute 4×4 outputs.
///
/// Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016).
package enum WinogradSize: Sendable {
  /// F(4×4, 3×3): 36 products for 16 outputs of a 3×3 kernel, a quarter of the direct count.
  case f4k3
  /// F(4×4, 5×5): 64 products for 16 outputs of a 5×5 kernel, 4/25 of the direct count.
  case f4k5

  /// Outputs per side of a tile.
  package static let outputs: Int = 4
  /// Taps per side of the kernel.
  package var taps: Int { self == .f4k3 ? 3 : 5 }
  /// Values per side of a patch.
  package var points: Int { Self.outputs + taps - 1 }
  /// Products per tile, channel and filter: the planes of the transform domain.
  package var products: Int { points * points }
}

/// A run of tiles between a feature map and the transform domain.
///
/// Tiles are numbered over images, then tile rows, then tile columns; the transform domain is `[products][tile][channel]`
/// with `plane` floats from one product to the next, and `channels` (a multiple of 16) from one tile to the next; on the way
/// there also `[products][channel/32][tile][32]`, see `blockStep`.
package struct WinogradTiles {
  package var size: WinogradSize
  /// The first tile and how many.
  package var firstTile: Int
  package var tiles: Int
  package var tileRows: Int
  package var tileColumns: Int
  package var channels: Int
  /// The map: address of the first pixel of tile 0 of image 0, and strides in floats.
  package var map: UnsafeMutablePointer<Float>
  package var image: Int
  package var row: Int
  /// Height and width of the map's valid pixels, for stores at its edge.
  package var height: Int
  package var width: Int
  package var domain: UnsafeMutablePointer<Float>
  package var plane: Int
  /// Floats from 32 channels of all tiles to the next 32, tiles then being 32 floats apart: sums over tiles would find those of
  /// many channels in few sets of the first cache. 0 where a tile's channels lie side by side.
  package var blockStep: Int = 0
  package var epilogue: Epilogue = .store
  /// Whether results are added to what the map holds, and a mask is applied to the sum; with `store` and `reluGradient`.
  package var adds: Bool = false
  /// Which ReLU, for `biasReLU` and `reluGradient`.
  package var relu = FusedReLU.unlimited
  package var bias: UnsafePointer<Float>?
  /// For `reluGradient`: the activation, addressed like `map` but with its own strides.
  package var mask: UnsafePointer<Float>?
  package var maskImage: Int = 0
  package var maskRow: Int = 0

  package init(
    size: WinogradSize, firstTile: Int, tiles: Int, tileRows: Int, tileColumns: Int, channels: Int,
    map: UnsafeMutablePointer<Float>, image: Int, row: Int, height: Int, width: Int,
    domain: UnsafeMutablePointer<Float>, plane: Int
  ) {
    self.size = size
    self.firstTile = firstTile
    self.tiles = tiles
    self.tileRows = tileRows
    self.tileColumns = tileColumns
    self.channels = channels
    self.map = map
    self.image = image
    self.row = row
    self.height = height
    self.width = width
    self.domain = domain
    self.plane = plane
  }
}

/// Kernels (taps × taps of 32 lanes each) to or from the transform domain (`products` of 32 lanes each).
package struct WinogradKernel {
  package var size: WinogradSize
  /// How many kernels, `tapStep` and `domainStep` floats apart.
  package var count: Int
  package var taps: UnsafeMutablePointer<Float>
  /// Floats from one tap to the next.
  package var tap: Int
  package var tapStep: Int
  package var domain: UnsafeMutablePointer<Float>
  package var plane: Int
  package var domainStep: Int
  /// Whether tap gradients are added to the taps instead of replacing them.
  package var accumulates: Bool = false

  package init(
    size: WinogradSize, count: Int, taps: UnsafeMutablePointer<Float>, tap: Int, tapStep: Int,
    domain: UnsafeMutablePointer<Float>, plane: Int, domainStep: Int
  ) {
    self.size = size
    self.count = count
    self.taps = taps
    self.tap = tap
    self.tapStep = tapStep
    self.domain = domain
    self.plane = plane
    self.domainStep = domainStep
  }
}
