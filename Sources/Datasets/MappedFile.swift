import Diagnostics
import Machine

/// A file that is mapped into memory where a data set's pixels would be.
package struct MappedFile: Hashable, Sendable {
  package enum Origin: Hashable, Sendable {
    /// The data's own file, which has the pixels as they are needed.
    case data
    /// Written by this run.
    case made
    /// Left by an earlier run.
    case found
  }
  package let file: String
  package let origin: Origin

  package var isFound: Bool { origin == .found }
}

extension DecodedPlace {
  /// The pixels of one input: in memory, or mapped from a file where this place says so.
  ///
  /// - Parameters:
  ///   - shape: of the pixels; their product is at least 1.
  ///   - files: where the pixels come from, and `form` how.
  ///   - own: where in an open file, the first of `files`, the pixels lie as they are needed; `nil`: nowhere.
  ///   - check: reads all of `own` and throws about what is wrong with it.
  ///   - fill: writes all pixels; not called where an earlier run has, or `own` is mapped.
  func pixels<Element>(
    shape: [Int], files: [String], form: String, own: (descriptor: Int32, offset: Int)? = nil,
    check: () throws(UserError) -> Void = {}, fill: (PageBuffer<Element>) throws(UserError) -> Void
  ) throws(UserError) -> (PageBuffer<Element>, MappedFile?) {
    let subject = files[0]
    let (bytes, overflows) = shape.reduce((MemoryLayout<Element>.stride, false)) { product, length in
      let (bytes, overflow) = product.0.multipliedReportingOverflow(by: length)
      return (bytes, product.1 || overflow)
    }
    // What cannot be addressed is refused where memory is asked for.
    guard !overflows, let folder = folder(bytes: bytes, available: AvailableMemory.read()) else {
      let buffer: PageBuffer<Element>
      do throws(UserError) { buffer = try PageBuffer(shape: shape, for: subject) } catch {
        throw UserError(
          error.category, error.subject, error.message, hint: "data.cache: \"disk\" maps images from a file")
      }
      try fill(buffer)
      return (buffer, nil)
    }
    if let own, own.offset % MemoryLayout<Element>.alignment == 0 {
      let buffer = try PageBuffer<Element>(
        descriptor: own.descriptor, offset: own.offset, count: bytes / MemoryLayout<Element>.stride,
        isWritable: false, for: subject)
      try check()
      return (buffer, MappedFile(file: subject, origin: .data))
    }
    let file = DecodedFile(folder: folder, files: files, form: form, byteCount: bytes)
    if let found = file.found(of: Element.self) { return (found, MappedFile(file: file.path, origin: .found)) }
    let filling = try file.create(of: Element.self)
    try fill(filling.buffer)
    _ = try file.keep(filling)
    return (filling.buffer, MappedFile(file: file.path, origin: .made))
  }
}
