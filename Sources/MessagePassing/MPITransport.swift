import Collectives
import Diagnostics
import Glibc

/// Messages between the ranks of a job by MPI's non-blocking point-to-point calls, straight from and into the caller's bytes.
///
/// A message longer than 2^30 bytes goes in pieces: the library counts in 32 bits. The requests lie in an array that grows only
/// while more are under way than ever before. Nothing moves while nobody calls `poll`.
///
/// `@unchecked Sendable` is safe because one thread at a time calls it, as `RankTransport` asks, and what it hands from one
/// to the next passes through the barriers or the lock by which they take turns.
package final class MPITransport: RankTransport, @unchecked Sendable {
  package let rank: Int
  package let rankCount: Int
  package internal(set) var hosts: [String]
  private let library: MPILibrary
  private let requestBytes: Int
  private let statusIgnore: UnsafeMutableRawPointer?
  private var requests: UnsafeMutableRawPointer
  private var peers: UnsafeMutablePointer<Int32>
  private var capacity: Int
  private var count = 0

  private static let pieceBytes = 1 << 30
  private static let initialCapacity = 64

  /// - Parameter library: initialized.
  /// - Throws: `UserError` (71).
  init(_ library: MPILibrary) throws(UserError) {
    (rank, rankCount) = try library.rankAndCount()
    self.library = library
    hosts = [String](repeating: "", count: rankCount)
    let constants = library.interface.constants
    requestBytes = constants.requestBytes
    statusIgnore = UnsafeMutableRawPointer(bitPattern: constants.statusIgnore)
    capacity = Self.initialCapacity
    requests = .allocate(byteCount: capacity * requestBytes, alignment: 16)
    peers = .allocate(capacity: capacity)
  }

  deinit {
    requests.deallocate()
    peers.deallocate()
  }

  package func reserve(operations: Int) {
    guard operations > capacity else { return }
    let larger = UnsafeMutableRawPointer.allocate(byteCount: operations * requestBytes, alignment: 16)
    larger.copyMemory(from: requests, byteCount: count * requestBytes)
    requests.deallocate()
    requests = larger
    let morePeers = UnsafeMutablePointer<Int32>.allocate(capacity: operations)
    morePeers.update(from: peers, count: count)
    peers.deallocate()
    peers = morePeers
    capacity = operations
  }

  package func send(_ bytes: UnsafeRawBufferPointer, to peer: Int, tag: Int32) throws(UserError) {
    try forEachPiece(of: bytes.count) { first, length throws(UserError) in
      try library.check(
        library.functions.send(
          bytes.baseAddress.map { $0 + first }, length, library.handles.byte, Int32(peer), tag, library.handles.world,
          nextRequest(peer)), "MPI_Isend")
    }
  }

  package func receive(_ bytes: UnsafeMutableRawBufferPointer, from peer: Int, tag: Int32) throws(UserError) {
    try forEachPiece(of: bytes.count) { first, length throws(UserError) in
      try library.check(
        library.functions.receive(
          bytes.baseAddress.map { $0 + first }, length, library.handles.byte, Int32(peer), tag, library.handles.world,
          nextRequest(peer)), "MPI_Irecv")
    }
  }

  package func poll() throws(UserError) -> Bool {
    guard count > 0 else {
      try progress()
      return true
    }
    guard try isDone(requests, count) else { return false }
    count = 0
    return true
  }

  /// Lets the library work on what others want of it: looks for a message to itself, which nobody sends.
  private func progress() throws(UserError) {
    var flag: Int32 = 0
    try library.check(
      library.functions.probe(Int32(rank), 0, library.handles.world, &flag, statusIgnore), "MPI_Iprobe")
  }

  /// Asks about each request by itself; those that are done stay done in the list.
  package var unfinishedPeers: [Int] {
    var unfinished: Set<Int> = []
    for index in 0..<count {
      // A request that failed is one that its peer has not answered.
      let done = try? isDone(requests + index * requestBytes, 1)
      if done != true { unfinished.insert(Int(peers[index])) }
    }
    return unfinished.sorted()
  }

  /// `MPI_Abort`, and the end of this process even if that does not return.
  package func abort(code: Int32) -> Never {
    ProcessEnd.later(code: code, seconds: 5)
    _ = library.functions.abort(library.handles.world, code)
    _exit(code)
  }

  /// `MPI_Finalize`, which waits for all ranks.
  ///
  /// - Throws: `UserError` (71).
  func finalize() throws(UserError) { try library.check(library.functions.finalize(), "MPI_Finalize") }

  private func isDone(_ first: UnsafeMutableRawPointer, _ number: Int) throws(UserError) -> Bool {
    var flag: Int32 = 0
    try library.check(library.functions.testAll(Int32(number), first, &flag, statusIgnore), "MPI_Testall")
    return flag != 0
  }

  /// Room for one more request in the list, filled with a null so that a failed call leaves nothing to wait for.
  private func nextRequest(_ peer: Int) -> UnsafeMutableRawPointer {
    if count == capacity { reserve(operations: 2 * capacity) }
    let request = requests + count * requestBytes
    if requestBytes == 8 {
      request.storeBytes(of: UInt64(library.handles.requestNull), as: UInt64.self)
    } else {
      request.storeBytes(of: UInt32(library.handles.requestNull), as: UInt32.self)
    }
    peers[count] = Int32(peer)
    count += 1
    return request
  }

  private func forEachPiece(
    of bytes: Int, _ body: (_ first: Int, _ length: Int32) throws(UserError) -> Void
  ) throws(UserError) {
    var first = 0
    repeat {
      let length = min(Self.pieceBytes, bytes - first)
      try body(first, Int32(length))
      first += length
    } while first < bytes
  }
}
