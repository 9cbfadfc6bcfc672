import Diagnostics

/// Messages between the ranks of a job: what the exchange of a step needs of MPI, and what tests put in its place.
///
/// All calls come from one thread at a time (MPI_THREAD_SERIALIZED). No call blocks. Messages between two ranks with equal tags
/// arrive in the order in which they were sent; tags are 0 to 31999. What goes wrong with a peer is thrown by whichever call finds it.
package protocol RankTransport: Sendable {
  var rank: Int { get }
  var rankCount: Int { get }
  /// Host names by rank, for messages to people.
  var hosts: [String] { get }
  /// Room for at least `count` operations at once, so that no step allocates.
  func reserve(operations count: Int)
  /// Starts sending; the bytes must stay as they are until `poll` has said that all is done.
  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int, tag: Int32) throws(UserError)
  /// Starts receiving exactly so many bytes.
  func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int, tag: Int32) throws(UserError)
  /// Makes progress, also where nothing is on the way here but others wait; true when all that was started is done (the list
  /// is then empty).
  func poll() throws(UserError) -> Bool
  /// The peers that something started has not been completed with, for the message of a time-out.
  var unfinishedPeers: [Int] { get }
  /// Ends the whole job with an exit code.
  func abort(code: Int32) -> Never
}

extension RankTransport {
  /// The others, each as one to send to and one to receive from, in an order in which no two ranks send to one at first.
  @inline(__always)
  package func forEachPeer(_ body: (_ to: Int, _ from: Int) throws(UserError) -> Void) throws(UserError) {
    for distance in 1..<max(rankCount, 1) {
      try body((rank + distance) % rankCount, (rank + rankCount - distance) % rankCount)
    }
  }
}
