extension BinaryFloatingPoint where Self: CustomStringConvertible {
  /// The number as messages show it: a NaN without its meaningless sign.
  package var plainText: String { isNaN ? "NaN" : description }
}
