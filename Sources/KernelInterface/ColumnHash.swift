/// The SHA-256 digests of the sixteen columns of a block of words, side by side in vector lanes.
///
/// The message of column c is 16 words of header, then word c of every row; a word is four bytes of it, the most significant
/// first. In the header's last word the number of the column replaces what is there.
///
///     words    row 0    w[0]  w[1] … w[15]         message of column 1: header, w[1], w[17], …
///              row 1    w[16] w[17] …
package struct ColumnHash {
  /// `[rows][16]`
  package var words: UnsafePointer<UInt32>
  /// A multiple of 16, so that a message is a whole number of blocks of 64 bytes.
  package var rows: Int
  package var header: SIMD16<UInt32>
  /// `[16][8]`: each column's digest, its first four bytes as its first word. May not overlap `words`.
  package var digests: UnsafeMutablePointer<UInt32>

  package init(
    words: UnsafePointer<UInt32>, rows: Int, header: SIMD16<UInt32>, digests: UnsafeMutablePointer<UInt32>
  ) {
    self.words = words
    self.rows = rows
    self.header = header
    self.digests = digests
  }

  /// Columns of a block.
  package static let columns = 16
}
