import Machine
import Testing

@testable import MessagePassing

@Suite struct RankPeerTests {
  @Test("a greeting is read as it was written")
  func greeting() {
    let peers = [
      RankPeer(host: "ls1", cpus: [0, 1, 63, 64, 8191]), RankPeer(host: "", cpus: []),
      RankPeer(host: String(repeating: "h", count: 64), cpus: CPUSet(0..<256)),
    ]
    for peer in peers {
      #expect(peer.bytes.count == RankPeer.byteCount)
      #expect(RankPeer(bytes: peer.bytes) == peer)
    }
    #expect(RankPeer(bytes: RankPeer(host: String(repeating: "h", count: 70), cpus: []).bytes)?.host.count == 64)
  }

  @Test("what is no greeting is refused")
  func noGreeting() {
    let bytes = RankPeer(host: "ls1", cpus: [0]).bytes
    #expect(RankPeer(bytes: bytes.dropLast()) == nil)
    #expect(RankPeer(bytes: [UInt8](repeating: 0, count: bytes.count)) == nil)
    var other = bytes
    other[15] ^= 1
    #expect(RankPeer(bytes: other) == nil)
  }

  @Test("ranks of one host with the same CPUs share them; bound ranks keep their own")
  func share() {
    func peers(_ list: (String, CPUSet)...) -> [RankPeer] { list.map { RankPeer(host: $0.0, cpus: $0.1) } }
    let whole = peers(("a", [0, 1]), ("b", [0, 1]), ("a", [0, 1]), ("a", [0, 1]))
    #expect(RankPeer.share(of: 0, among: whole) == (0, 3))
    #expect(RankPeer.share(of: 1, among: whole) == (0, 1))
    #expect(RankPeer.share(of: 2, among: whole) == (1, 3))
    #expect(RankPeer.share(of: 3, among: whole) == (2, 3))
    let bound = peers(("a", [0, 1]), ("a", [2, 3]))
    #expect(RankPeer.share(of: 1, among: bound) == (0, 1))
  }

  @Test("a mask far smaller than a fair share is a warning with the remedy")
  func binding() throws {
    let core = [
      RankPeer(host: "a", cpus: [0]), RankPeer(host: "a", cpus: [1]), RankPeer(host: "b", cpus: CPUSet(0..<64)),
    ]
    func warning(_ rank: Int, _ cpus: Int) -> String? {
      RankPeer.bindingWarning(of: rank, among: core, hostCPUs: cpus, advice: "mpirun --bind-to none")
    }
    let text = try #require(warning(1, 64))
    #expect(
      text
        == "rank 1 on a may use 1 of 64 CPUs (1), where its share would be 32: the launcher binds ranks to cores; start with "
        + "mpirun --bind-to none")
    #expect(warning(0, 4) != nil)
    #expect(warning(0, 2) == nil)
    #expect(warning(2, 64) == nil)
    #expect(warning(2, 127) == nil)
    #expect(warning(2, 128) != nil)
  }
}
