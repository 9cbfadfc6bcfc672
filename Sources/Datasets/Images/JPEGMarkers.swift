/// What the markers of a JPEG file say besides its pixels.
struct JPEGMarkers {
  /// EXIF's, from the first segment that has it.
  private(set) var orientation = 1
  /// Whether every coefficient of a progressive image comes to its full precision.
  ///
  /// Where it does not, libjpeg invents smooth transitions, and each of its versions others.
  private(set) var isComplete = true

  /// What cannot be read ends the reading: the decoder has the last word about damage.
  init(_ bytes: [UInt8]) {
    var place = 2
    /// Per component, bits that are still missing of each coefficient; −1: all of them.
    var missing: [(identifier: UInt8, bits: [Int])] = []
    var isProgressive = false
    var hasOrientation = false
    while place + 1 < bytes.count {
      guard bytes[place] == 0xFF else {
        place += 1
        continue
      }
      let marker = bytes[place + 1]
      switch marker {
      case 0x00, 0x01, 0xD0...0xD8: place += 2
      case 0xFF: place += 1
      case 0xD9: place = bytes.count
      default:
        guard place + 3 < bytes.count else { return }
        let length = Int(bytes[place + 2]) << 8 | Int(bytes[place + 3])
        guard length >= 2, place + 2 + length <= bytes.count else { return }
        let segment = bytes[place + 4..<place + 2 + length]
        place += 2 + length
        switch marker {
        case 0xE1 where !hasOrientation && segment.starts(with: Array("Exif\0\0".utf8)):
          orientation = EXIFOrientation.value(tiff: segment.dropFirst(6))
          hasOrientation = true
        case 0xC2, 0xC6, 0xCA,
          0xCE where segment.count >= 6:
          isProgressive = true
          let identifiers = stride(from: segment.startIndex + 6, to: segment.endIndex, by: 3).map { segment[$0] }
          missing = identifiers.map { ($0, [Int](repeating: -1, count: 64)) }
        case 0xDA:
          guard isProgressive else { return }
          Self.note(segment, in: &missing)
        default: break
        }
      }
    }
    isComplete = missing.allSatisfy { $0.bits.allSatisfy { $0 == 0 } }
  }

  /// What a scan brings: its components, its first and last coefficient, the bits it leaves out.
  private static func note(_ scan: ArraySlice<UInt8>, in missing: inout [(identifier: UInt8, bits: [Int])]) {
    let start = scan.startIndex
    guard let count = scan.first.map({ Int($0) }), scan.count >= 4 + 2 * count else { return }
    let (first, last) = (Int(scan[start + 1 + 2 * count]), Int(scan[start + 2 + 2 * count]))
    guard first <= last, last < 64 else { return }
    for component in 0..<count {
      let identifier = scan[start + 1 + 2 * component]
      for i in missing.indices where missing[i].identifier == identifier {
        for coefficient in first...last { missing[i].bits[coefficient] = Int(scan[start + 3 + 2 * count] & 15) }
      }
    }
  }
}
