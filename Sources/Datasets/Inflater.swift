import CZlib
import Diagnostics
import Storage

/// A gzip stream, or deflated data inside a ZIP archive, being inflated, one buffer of input at a time.
final class Inflater {
  /// Input is read in pieces of this size; larger gains nothing over one system call per piece.
  private static let chunkBytes = 65536

  private let input: ByteInput
  // zlib keeps the address of its stream, so the stream must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  private let chunk: UnsafeMutableRawBufferPointer
  private var isAtMemberEnd = false
  private let format: Format
  /// Where the compressed data ends in the input.
  private let end: Int

  enum Format: String {
    /// Several members in a row are one content.
    case gzip
    /// Data without a header, which ends once.
    case deflate
  }

  /// Takes over `input` whose first bytes, `head`, have been read already.
  convenience init(_ input: ByteInput, head: [UInt8]) throws(UserError) {
    try self.init(input, .gzip, end: input.length)
    chunk.copyBytes(from: head)
    offer(head.count)
  }

  /// Inflates what follows in `input`, up to the offset `end`.
  init(_ input: ByteInput, _ format: Format, end: Int) throws(UserError) {
    self.input = input
    self.format = format
    self.end = end
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    chunk = .allocate(byteCount: Self.chunkBytes, alignment: 16)
    // 15: the largest window; 16: gzip, not zlib, around it; negative: nothing around it.
    let window: Int32 =
      switch format {
      case .gzip: 15 + 16
      case .deflate: -15
      }
    let status: Int32 = inflateInit2_(stream, window, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw UserError(.systemRefused, input.name, "zlib cannot start (status \(status))") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    chunk.deallocate()
  }

  /// Inflates into `buffer` until it is full or the content ends, and returns the bytes written.
  ///
  /// Throws `.badData` where the file is damaged, cut short, or continues with something else than gzip.
  func inflate(into buffer: UnsafeMutableRawBufferPointer) throws(UserError) -> Int {
    var done = 0
    while done < buffer.count {
      if stream.pointee.avail_in == 0 { try refill() }
      if isAtMemberEnd {
        if stream.pointee.avail_in == 0 || format == .deflate { break }
        inflateReset(stream)
        isAtMemberEnd = false
      }
      let room = min(buffer.count - done, Int(UInt32.max))
      stream.pointee.next_out = buffer.baseAddress?.advanced(by: done).assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_out = UInt32(truncatingIfNeeded: room)
      let status = CZlib.inflate(stream, Z_NO_FLUSH)
      done += room - Int(stream.pointee.avail_out)
      switch status {
      case Z_STREAM_END: isAtMemberEnd = true
      case Z_OK: break
      case Z_BUF_ERROR where input.position < end: break
      case Z_BUF_ERROR:
        throw UserError(
          .badData, input.name,
          "is cut short: its compressed data breaks off at "
            + (end == input.length ? "the file's end, " : "") + "offset \(end)")
      case Z_MEM_ERROR: throw UserError(.systemRefused, input.name, "zlib has no memory to decompress it")
      default: throw damaged()
      }
    }
    return done
  }

  private func refill() throws(UserError) {
    let count = min(end - input.position, chunk.count)
    try input.read(into: UnsafeMutableRawBufferPointer(rebasing: chunk[..<count]))
    offer(count)
  }

  private func offer(_ count: Int) {
    stream.pointee.next_in = chunk.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = UInt32(truncatingIfNeeded: count)
  }

  private func damaged() -> UserError {
    let offset = input.position - Int(stream.pointee.avail_in)
    let reason = stream.pointee.msg.map { String(cString: $0) } ?? "no reason given"
    return UserError(.badData, input.name, "has damaged \(format.rawValue) data before offset \(offset): \(reason)")
  }
}
