import CTurboJPEG
import Diagnostics

/// Decodes JPEG files through TurboJPEG, which reports errors by return codes; for one thread at a time.
///
/// The library does the entropy decoding and the accurate integer transform (JDCT_ISLOW), which gives the same samples in C,
/// in every SIMD version and in every release. What differs between releases is done here, in `JPEGPlanes`: chroma is
/// upsampled and colours are converted with libjpeg's formulas. A warning counts as damage.
final class JPEGDecoder {
  private let handle: tjhandle

  /// Throws `.systemRefused` where the library cannot start.
  init() throws(UserError) {
    guard let handle = tjInitDecompress() else {
      throw UserError(.systemRefused, "JPEG", "the decoder cannot start: \(String(cString: tjGetErrorStr2(nil)))")
    }
    self.handle = handle
  }

  deinit { tjDestroy(handle) }

  /// The pixels of the file as stored, grey or RGB.
  ///
  /// Throws `.badData` for damage and for what is not decoded here: CMYK, unusual sampling, more than 8 bits a sample,
  /// progressive images that end before full precision, sizes that `limit` rules out.
  func decode(_ bytes: [UInt8], _ markers: JPEGMarkers, name: String, limit: ImageLimit) throws(UserError) -> Raster {
    var (width, height, samplingCode, space): (Int32, Int32, Int32, Int32) = (0, 0, -1, -1)
    guard tjDecompressHeader3(handle, bytes, UInt(bytes.count), &width, &height, &samplingCode, &space) == 0 else {
      throw damaged(name)
    }
    guard space != TJCS_CMYK.rawValue, space != TJCS_YCCK.rawValue else {
      throw UserError(
        .badData, name, "is a CMYK image, whose colours depend on inks; allowed: grey and RGB",
        hint: "convert it to RGB with the colour profile it was made for")
    }
    guard markers.isComplete else {
      throw UserError(.badData, name, "is cut short: a progressive image that ends before its full precision")
    }
    try limit.check(height: Int(height), width: Int(width), name: name)
    guard let sampling = JPEGSampling(samplingCode) else {
      throw UserError(
        .badData, name, "has a chroma sampling that is not known here (TurboJPEG's number \(samplingCode))")
    }
    // Samples, coefficients of 2 bytes where the image is progressive, and pixels.
    let sampleBytes = JPEGPlanes.mostBytes(height: Int(height), width: Int(width))
    try ImageLimit.requireRoom(3 * sampleBytes + 3 * Int(width) * Int(height), for: name)
    var planes = JPEGPlanes(
      height: Int(height), width: Int(width), sampling: sampling, isRGB: space == TJCS_RGB.rawValue)
    let status = planes.fill { starts in
      tjDecompressToYUVPlanes(
        handle, bytes, UInt(bytes.count), starts, 0, nil, 0,
        TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS)
    }
    guard status == 0 else { throw damaged(name) }
    return planes.raster()
  }

  /// Size and colour of the file, whose pixels are not read; throws `.badData` for what is no JPEG header.
  func header(_ bytes: [UInt8], name: String) throws(UserError) -> (height: Int, width: Int, hasColour: Bool) {
    var (width, height, sampling, space): (Int32, Int32, Int32, Int32) = (0, 0, -1, -1)
    guard tjDecompressHeader3(handle, bytes, UInt(bytes.count), &width, &height, &sampling, &space) == 0 else {
      throw damaged(name)
    }
    return (Int(height), Int(width), space != TJCS_GRAY.rawValue)
  }

  private func damaged(_ name: String) -> UserError {
    UserError(.badData, name, "is a damaged JPEG image: \(String(cString: tjGetErrorStr2(handle)))")
  }
}
