import Storage

/// The digest by which the promise of equal bits is checked.
package enum WeightsDigest {
  /// `sha256:` of the little-endian bytes of all values, in the order given.
  package static func of(_ tensors: [NamedTensor]) -> String {
    var hash = SHA256()
    for tensor in tensors {
      tensor.values.withUnsafeBytes { bytes in
        #if _endian(little)
          hash.update(bytes)
        #else
          for value in tensor.values { withUnsafeBytes(of: value.bitPattern.littleEndian) { hash.update($0) } }
        #endif
      }
    }
    return hash.text
  }
}
