/// Where the random bits of a dropout layer come from: a stream of its own for each epoch, and in it 2²⁸ elements for each
/// example of the data set, so that they depend neither on the batch nor on who computes it.
///
/// Each element of a layer's input, numbered row-major over (height, width, channel), has 16 bits: those of input element e
/// are number e mod 8, from the lowest, of the 128 bits of the stream's element `first + e / 8`. The input element is kept if
/// they are at least `threshold`.
///
/// All of this is part of every run's numerics.
package struct DropoutStream: Hashable, Sendable {
  package static let purpose = RandomPurpose.dropout
  package let stream: UInt32
  /// The example's first element.
  package let first: UInt64

  /// - Parameters:
  ///   - layer: its number in the model, below 2¹².
  ///   - epoch: below 2²⁰.
  ///   - example: its number in the data set.
  package init(layer: Int, epoch: Int, example: Int) {
    stream = UInt32(truncatingIfNeeded: layer << 20 | epoch)
    first = UInt64(truncatingIfNeeded: example) << 28
  }

  /// `rate` in steps of 2⁻¹⁶, below 1.
  package static func threshold(rate: Double) -> UInt16 { UInt16(min((rate * 65536).rounded(), 65535)) }
}
