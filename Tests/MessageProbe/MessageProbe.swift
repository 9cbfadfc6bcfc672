import Collectives
import Diagnostics
import Glibc
import MessagePassing

// LOCKSTEP_MPI=LIBRARY mpirun -n N MessageProbe [ROUNDS [BYTES]]
//
// Sends messages of many lengths from every rank to every other, in rounds, checks every byte that comes, and prints a line
// about each rank. With BYTES, one more round of messages of that length.

/// The byte at `position` of a message.
func pattern(_ from: Int, _ to: Int, _ round: Int, _ position: Int) -> UInt8 {
  UInt8(truncatingIfNeeded: (from &* 7919 &+ to &* 104_729 &+ round &* 31 &+ position) &* 2_654_435_761 >> 7)
}

/// One round: a message of `bytes` to and from every other rank, in `parts` messages with the same tag.
func exchange(_ transport: MPITransport, bytes: Int, parts: Int, round: Int) throws -> Int {
  let (rank, count) = (transport.rank, transport.rankCount)
  let outgoing = (0..<count).map { peer in (0..<bytes).map { pattern(rank, peer, round, $0) } }
  var incoming = [[UInt8]](repeating: [UInt8](repeating: 0, count: bytes), count: count)
  let length = bytes / parts
  func part(_ index: Int) -> Range<Int> { index * length..<(index == parts - 1 ? bytes : (index + 1) * length) }
  let receiving = incoming.indices.map { peer in
    incoming[peer].withUnsafeMutableBytes {
      UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, $0.count), alignment: 64)
    }
  }
  defer { receiving.forEach { $0.deallocate() } }
  let sending = outgoing.map { bytes in
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 64)
    copy.copyBytes(from: bytes)
    return copy
  }
  defer { sending.forEach { $0.deallocate() } }
  for distance in 1..<count {
    let (to, from) = ((rank + distance) % count, (rank + count - distance) % count)
    for index in 0..<parts {
      try transport.receive(UnsafeMutableRawBufferPointer(rebasing: receiving[from][part(index)]), from: from, tag: 7)
      try transport.send(
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(sending[to])[part(index)]), to: to, tag: 7)
    }
  }
  var polls = 0
  while try !transport.poll() {
    polls += 1
    usleep(50)
    if polls == 1_000_000 { fatalError("round \(round): ranks \(transport.unfinishedPeers) do not answer") }
  }
  precondition(transport.unfinishedPeers.isEmpty, "A round that is done has unfinished peers.")
  for peer in 0..<count where peer != rank {
    for position in 0..<bytes where receiving[peer][position] != pattern(peer, rank, round, position) {
      fatalError("rank \(rank), round \(round): byte \(position) of \(bytes) from rank \(peer) is wrong")
    }
  }
  return polls
}

@main struct Program {
  static func main() {
    var environment: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { environment[String(parts[0])] = String(parts[1]) }
      entry += 1
    }
    guard let launch = Launch(environment: environment) else { fatalError("no launcher started this process") }
    do {
      let job = try MPIJob(launch, library: environment["LOCKSTEP_MPI"])
      let rounds = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 20
      job.transport.reserve(operations: 2 * job.transport.rankCount * 3)
      for round in 0..<rounds {
        for bytes in [0, 1, 3, 8, 1000, 65_536, 1_000_003] {
          _ = try exchange(job.transport, bytes: bytes, parts: 1 + round % 3, round: round)
        }
      }
      if CommandLine.arguments.count > 2, let bytes = Int(CommandLine.arguments[2]) {
        _ = try exchange(job.transport, bytes: bytes, parts: 1, round: 0)
      }
      print(
        "\(job.name) of \(job.peers.count), share \(job.share.index) of \(job.share.count), \(job.library.name), "
          + "\(job.library.interface.rawValue): every byte as sent")
      exit(job.leave(code: 0))
    } catch {
      print("MessageProbe: \(error)")
      exit((error as? UserError)?.category.rawValue ?? 70)
    }
  }
}
