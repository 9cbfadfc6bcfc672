import Configuration
import Datasets
import Network
import Storage

/// The first weights of a convolution that whitens patches of the images: eigenvectors of the patches' covariance over the
/// roots of its eigenvalues, the largest first, then the negatives of all (Coates and Ng 2012; Jordan 2024, arXiv:2404.00498).
///
/// A patch has D = height · width · channels values of a kernel, in that order. Sums over patches are in Double, in the order of
/// images (spread evenly over the set where not all are taken), rows and columns. There are only sums, products, quotients and
/// roots, which every machine rounds alike.
enum PatchWhitening {
  /// Added to eigenvalues, so that directions without variance are not blown up.
  private static let epsilon = 5e-4
  /// The most patches that are looked at, and the most products of two values, which bound the time to seconds.
  private static let most = (patches: 1 << 22, products: 1 << 31)

  /// The weights of all such convolutions, measured on images of `training` as they are without augmentation.
  static func weights(of network: NetworkPlan, _ training: ImageDataset, _ data: DataConfiguration) -> [NamedTensor] {
    network.parameters.parameters.filter { $0.specification.initialValue == .patchWhitening }.map { parameter in
      let (height, width, channels) = (parameter.shape[0], parameter.shape[1], parameter.shape[2])
      let covariance = covariance(height, width, channels, training, Normalization(data, channels: channels))
      return NamedTensor(
        name: parameter.name, shape: parameter.shape, values: filters(covariance, count: parameter.shape[3]))
    }
  }

  /// The covariance of the patches of kernel size `height`×`width` that lie within images, row by row.
  static func covariance(
    _ height: Int, _ width: Int, _ channels: Int, _ training: ImageDataset, _ normalization: Normalization
  ) -> [[Double]] {
    let size = height * width * channels
    let (rows, columns) = (training.height - height + 1, training.width - width + 1)
    // A kernel larger than the images, which stand in padding, has no patch within one: its filters take single values.
    guard rows > 0, columns > 0 else { return identity(size) }
    let patches = min(most.patches, most.products / (size * size))
    let images = min(training.count, max(1, patches / (rows * columns)))
    let row = training.width * channels
    var pixels = [Float](repeating: 0, count: training.height * row)
    var patch = [Double](repeating: 0, count: size)
    var sums = [Double](repeating: 0, count: size)
    var products = [Double](repeating: 0, count: size * size)
    for index in 0..<images {
      // Spread over the set, in which images of one class may lie together.
      let image = index * training.count / images
      pixels.withUnsafeMutableBufferPointer { pixels in
        guard let start = pixels.baseAddress else { return }
        normalization.load(training, example: image, into: start, row: row, pixel: channels)
      }
      for i in 0..<rows {
        for j in 0..<columns {
          for a in 0..<height {
            let start = (i + a) * row + j * channels
            for k in 0..<width * channels { patch[a * width * channels + k] = Double(pixels[start + k]) }
          }
          for k in 0..<size {
            sums[k] += patch[k]
            for l in k..<size { products[k * size + l] += patch[k] * patch[l] }
          }
        }
      }
    }
    let count = Double(images * rows * columns)
    return (0..<size).map { k in
      (0..<size).map { l in products[min(k, l) * size + max(k, l)] / count - sums[k] / count * (sums[l] / count) }
    }
  }

  private static func identity(_ size: Int) -> [[Double]] {
    (0..<size).map { k in (0..<size).map { $0 == k ? 1 : 0 } }
  }

  /// The filters of a covariance as D×`count`, `count` at most 2·D.
  static func filters(_ covariance: [[Double]], count: Int) -> [Float] {
    let size = covariance.count
    let eigen = SymmetricEigenvectors(covariance)
    return (0..<size).flatMap { k in
      (0..<count).map { filter in
        let pair = eigen.pairs[filter % size]
        let value = pair.vector[k] / (max(pair.value, 0) + epsilon).squareRoot()
        return Float(filter < size ? value : -value)
      }
    }
  }
}

/// The eigenvectors of a symmetric matrix by Jacobi's method: cyclic sweeps of rotations that make one entry 0 each.
struct SymmetricEigenvectors {
  /// By descending eigenvalue, equal ones as they come; of length 1, with the entry of largest magnitude above 0.
  private(set) var pairs: [(value: Double, vector: [Double])]
  /// More than twice what matrices of 192 rows need.
  private static let mostSweeps = 60

  init(_ matrix: [[Double]]) {
    let size = matrix.count
    var a = matrix
    // vectors[k] is the k-th eigenvector in the end.
    var vectors = (0..<size).map { k in (0..<size).map { $0 == k ? 1.0 : 0 } }
    for _ in 0..<Self.mostSweeps {
      var isDiagonal = true
      for p in 0..<size {
        for q in p + 1..<max(size, p + 1) where abs(a[p][q]) > 1e-15 * (abs(a[p][p]) * abs(a[q][q])).squareRoot() {
          isDiagonal = false
          Self.rotate(&a, &vectors, p, q)
        }
      }
      if isDiagonal { break }
    }
    pairs = (0..<size).map { k in
      let vector = vectors[k]
      let largest = vector.reduce(0) { abs($1) > abs($0) ? $1 : $0 }
      return (a[k][k], largest < 0 ? vector.map { -$0 } : vector)
    }
    // Stable, so that equal values keep their order.
    pairs = pairs.enumerated().sorted {
      ($0.element.value, -$0.offset) > ($1.element.value, -$1.offset)
    }.map(\.element)
  }

  /// Turns rows and columns `p` and `q` so that their common entry becomes 0 (Golub and Van Loan, section 8.5).
  private static func rotate(_ a: inout [[Double]], _ vectors: inout [[Double]], _ p: Int, _ q: Int) {
    let ratio = (a[q][q] - a[p][p]) / (2 * a[p][q])
    let tangent = (ratio < 0 ? -1 : 1) / (abs(ratio) + (1 + ratio * ratio).squareRoot())
    let cosine = 1 / (1 + tangent * tangent).squareRoot()
    let sine = tangent * cosine
    let size = a.count
    for k in 0..<size {
      let (x, y) = (a[k][p], a[k][q])
      a[k][p] = cosine * x - sine * y
      a[k][q] = sine * x + cosine * y
    }
    for k in 0..<size {
      let (x, y) = (a[p][k], a[q][k])
      a[p][k] = cosine * x - sine * y
      a[q][k] = sine * x + cosine * y
    }
    for k in 0..<size {
      let (x, y) = (vectors[p][k], vectors[q][k])
      vectors[p][k] = cosine * x - sine * y
      vectors[q][k] = sine * x + cosine * y
    }
  }
}
