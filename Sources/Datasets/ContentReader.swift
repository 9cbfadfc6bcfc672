import CZlib
import Diagnostics
import Storage

/// Content that is read in order, and whose length is bounded before it is read.
protocol ContentStream: AnyObject {
  /// What errors call it.
  var name: String { get }
  /// Bytes of content delivered so far.
  var position: Int { get }
  /// The most content there can be.
  var maximumLength: Int { get }
  /// Whether there may be less than `maximumLength`.
  var isCompressed: Bool { get }
  /// Where the next bytes of content lie as they are in an open file; `nil` where they lie in none.
  var placeInFile: (descriptor: Int32, offset: Int)? { get }
  /// Fills `buffer` with the next bytes of content.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(UserError)
  /// Throws unless the content ends here.
  func expectEnd() throws(UserError)
}

extension ContentStream {
  /// The next `count` bytes of content, for headers.
  func read(_ count: Int) throws(UserError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBufferPointer { (buffer) throws(UserError) in
      try read(into: UnsafeMutableRawBufferPointer(buffer))
    }
    return bytes
  }

  /// Reads `count` bytes in pieces, a multiple of eight bytes each but the last, and then the end.
  func check(_ count: Int, _ body: (UnsafeRawBufferPointer) throws(UserError) -> Void = { _ in }) throws(UserError) {
    var piece = [UInt8](repeating: 0, count: min(count, 1 << 20))
    for start in stride(from: 0, to: count, by: piece.count) {
      try piece.withUnsafeMutableBufferPointer { (buffer) throws(UserError) in
        let all = UnsafeMutableRawBufferPointer(buffer)
        let part = UnsafeMutableRawBufferPointer(rebasing: all[..<min(all.count, count - start)])
        try read(into: part)
        try body(UnsafeRawBufferPointer(part))
      }
    }
    try expectEnd()
  }
}

/// The content of an input in order: as it is, or inflated if its first two bytes are gzip's.
///
/// Inflates only as far as it is asked to read, so a small file cannot claim much memory. Several gzip members in a row
/// are one content, as in `gunzip`. Every error is `.badData` with offsets in the file.
final class ContentReader: ContentStream {
  var name: String { input.name }
  let isCompressed: Bool
  /// Bytes of content delivered so far.
  private(set) var position: Int = 0

  private let input: ByteInput
  /// The two bytes that tell gzip from plain; not delivered yet if plain.
  private var head: [UInt8]
  private let inflater: Inflater?

  init(_ input: ByteInput) throws(UserError) {
    self.input = input
    head = try input.read(min(2, input.length))
    isCompressed = head == [0x1F, 0x8B]
    inflater = isCompressed ? try Inflater(input, head: head) : nil
  }

  var placeInFile: (descriptor: Int32, offset: Int)? {
    // The head is read, and may not be delivered.
    isCompressed || !head.isEmpty ? nil : input.descriptor.map { ($0, input.position) }
  }

  /// The most content the input can hold: its length, or 1032 times that (deflate's largest ratio).
  var maximumLength: Int {
    guard isCompressed else { return input.length }
    let (limit, overflow): (Int, Bool) = input.length.multipliedReportingOverflow(by: 1032)
    return overflow ? Int.max : limit
  }

  /// Fills `buffer` with the next bytes of content.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(UserError) {
    if let inflater {
      let got = try inflater.inflate(into: buffer)
      guard got == buffer.count else {
        throw UserError(
          .badData, name,
          "holds \(position + got) bytes when decompressed; \(buffer.count) are needed at offset \(position)")
      }
    } else {
      let fromHead = min(head.count, buffer.count)
      for i in 0..<fromHead { buffer[i] = head[i] }
      head.removeFirst(fromHead)
      try input.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[fromHead...]))
    }
    position += buffer.count
  }

  /// Throws unless the content ends here; inflates at most one more byte, and checks gzip's checksum.
  func expectEnd() throws(UserError) {
    let extra: Int
    if let inflater {
      var byte: [UInt8] = [0]
      extra = try byte.withUnsafeMutableBufferPointer { (buffer) throws(UserError) in
        try inflater.inflate(into: UnsafeMutableRawBufferPointer(buffer))
      }
    } else {
      extra = input.remaining + head.count
    }
    guard extra == 0 else {
      let found = isCompressed ? "more" : "\(extra) more bytes"
      throw UserError(.badData, name, "should end at offset \(position) by its header, but \(found) follow")
    }
  }
}
