import Diagnostics
import Machine

/// The largest image that is decoded: what a file declares beyond it is refused before memory is taken.
struct ImageLimit: Sendable {
  /// Of height and width; the most that JPEG can say.
  var side = 65535
  /// Height times width: 134 million.
  var pixels = 1 << 27
  /// Of a file.
  var fileBytes = 1 << 28

  func check(height: Int, width: Int, name: String) throws(UserError) {
    guard height >= 1, width >= 1, height <= side, width <= side, height * width <= pixels else {
      throw UserError(
        .badData, name,
        "declares \(width)×\(height) pixels; allowed: 1 to \(side) each way, and \(pixels) in all")
    }
  }

  /// Below this size, available memory is not checked.
  private static let uncheckedBytes = 16 << 20

  /// Throws `.systemRefused` where decoding an image takes more memory than there is.
  static func requireRoom(_ bytes: Int, for name: String) throws(UserError) {
    guard bytes > uncheckedBytes, let available = AvailableMemory.read(), bytes > available.bytes else { return }
    throw UserError(
      .systemRefused, name,
      "needs \(bytes >> 20) MiB to be decoded, but \(available.bytes >> 20) MiB are available (\(available.source))")
  }
}
