/// How a camera held the image, from EXIF data; cameras store pixels as the sensor has them and say here how to turn them.
enum EXIFOrientation {
  /// The orientation in a TIFF header with its first directory, 1 to 8; 1, as stored, where none is found.
  ///
  /// EXIF data is often damaged by other programs, so what cannot be read counts as absent.
  static func value(tiff bytes: ArraySlice<UInt8>) -> Int {
    let bytes = Array(bytes)
    let isLittle = bytes.starts(with: [0x49, 0x49, 42, 0])
    guard isLittle || bytes.starts(with: [0x4D, 0x4D, 0, 42]) else { return 1 }
    func number(_ place: Int, _ count: Int) -> Int? {
      guard place >= 0, place + count <= bytes.count else { return nil }
      return (0..<count).reduce(0) { $0 << 8 | Int(bytes[place + (isLittle ? count - 1 - $1 : $1)]) }
    }
    guard let directory = number(4, 4), let count = number(directory, 2) else { return 1 }
    for entry in 0..<count {
      let place = directory + 2 + 12 * entry
      guard let tag = number(place, 2) else { return 1 }
      // A short, one of them.
      if tag == 0x0112, number(place + 2, 2) == 3, let value = number(place + 8, 2), (1...8).contains(value) {
        return value
      }
    }
    return 1
  }
}
