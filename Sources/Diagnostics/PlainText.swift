extension BinaryFloatingPoint where Self: CustomStringConvertible {
  /// The number as messages show it: a NaN without a sign, which says nothing.
  package var plainText: String { isNaN ? "NaN" : description }
}
