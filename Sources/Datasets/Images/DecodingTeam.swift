import Diagnostics

/// Processes that read the same image files from paths of their own: each decodes a part and gives its pixels to the others.
///
/// A process that has all pixels already, from an earlier run, gives its part and takes none. All call the same functions in
/// the same order, and leave each of them with an error or none of them does.
package struct DecodingTeam: Sendable {
  /// Every process's bytes, by its number.
  package typealias Gather = @Sendable (_ bytes: [UInt8]) throws(UserError) -> [[UInt8]]
  /// Brings each process's part of `bytes`, of which it has `parts[own]`, to those that are `missing` others.
  package typealias Exchange =
    @Sendable (
      _ bytes: UnsafeMutableRawBufferPointer, _ parts: [Range<Int>], _ missing: [Bool]
    ) throws(UserError) -> Void

  private let own: Int
  private let count: Int
  private let gather: Gather
  private let exchange: Exchange
  /// A process as messages to people have it.
  private let name: @Sendable (Int) -> String

  package init(
    own: Int, of count: Int, name: @escaping @Sendable (Int) -> String, gather: @escaping Gather,
    exchange: @escaping Exchange
  ) {
    self.own = own
    self.count = count
    self.name = name
    self.gather = gather
    self.exchange = exchange
  }

  /// How far a process is before any decodes.
  enum Start: UInt8 {
    case lacksPixels, hasPixels, failed
  }

  /// What `body` returns, once it has on all.
  ///
  /// - Throws: what `body` throws; `UserError(.systemRefused)` if another one's did.
  package func agree<Value>(_ body: () throws(UserError) -> Value) throws(UserError) -> Value {
    let value: Value
    do throws(UserError) { value = try body() } catch {
      _ = try begin(.failed)
      throw error
    }
    _ = try begin(.hasPixels)
    return value
  }

  /// Which processes lack pixels.
  ///
  /// - Throws: `UserError(.systemRefused)` if another one failed.
  func begin(_ start: Start) throws(UserError) -> [Bool] {
    let starts = try gather([start.rawValue]).map { $0.first.flatMap(Start.init) ?? .failed }
    if start != .failed, let failed = starts.firstIndex(of: .failed) {
      throw UserError(.systemRefused, "data", "\(name(failed)) cannot load its images")
    }
    return starts.map { $0 == .lacksPixels }
  }

  /// The numbers of images that any process has found to be damaged, ascending.
  func union(_ damaged: [Int]) throws(UserError) -> [Int] {
    let all = try gather(damaged.flatMap { withUnsafeBytes(of: UInt64($0).littleEndian, Array.init) })
    var numbers: Set<Int> = []
    for bytes in all {
      for start in stride(from: 0, to: bytes.count - 7, by: 8) {
        let number = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
        if let number = Int(exactly: number) { numbers.insert(number) }
      }
    }
    return numbers.sorted()
  }

  /// The images, of `count`, that the process decodes for all.
  func part(of count: Int) -> Range<Int> { part(own, of: count) }

  private func part(_ number: Int, of images: Int) -> Range<Int> {
    images * number / count..<images * (number + 1) / count
  }

  /// Brings all pixels to all that lack them; each has decoded its part.
  func share(_ pixels: UnsafeMutableBufferPointer<UInt8>, images: Int, bytesPerImage: Int, missing: [Bool])
    throws(UserError)
  {
    let parts = (0..<count).map { number in
      let part = part(number, of: images)
      return part.lowerBound * bytesPerImage..<part.upperBound * bytesPerImage
    }
    try exchange(UnsafeMutableRawBufferPointer(pixels), parts, missing)
  }
}
