import Testing

@testable import Storage

@Suite struct SHA256Tests {
  private func text(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { SHA256.text(of: $0) } }

  /// FIPS 180-4's examples, and a message of every length class around a block from another implementation.
  @Test(
    "digests match the published examples",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
      ),
    ])
  func publishedExamples(message: String, digest: String) {
    #expect(text(Array(message.utf8)) == "sha256:" + digest)
  }

  /// 100,003 bytes of i·i mod 251, in one piece: enough for many blocks.
  @Test("many blocks give the known digest")
  func manyBlocks() {
    #expect(
      text((0..<100_003).map { UInt8($0 * $0 % 251) })
        == "sha256:01e846a7399432b2f89f2176a8885f638376a34ea2f90608c3fe1015a910c2d8")
  }

  /// The digest of all digests of lengths 0 to 129, each computed elsewhere in one go.
  @Test("every length around a block gives its digest")
  func everyLengthAroundABlock() {
    var all = SHA256()
    for length in 0...129 {
      var one = SHA256()
      one.update((0..<length).map { UInt8($0) })
      all.update(one.digest)
    }
    #expect(all.text == "sha256:105812602bb337abca31d9f6bf3a57a3907500005fad7c01e1e1140aa77e4499")
  }

  @Test("pieces do not matter")
  func piecesDoNotMatter() {
    let message = (0..<300).map { UInt8($0 % 256) }
    let whole = text(message)
    for first in 0...130 {
      for second in [0, 1, 63, 64, 65, 128] {
        var hash = SHA256()
        hash.update(Array(message[..<first]))
        hash.update(Array(message[first..<(first + second)]))
        // Reading the digest in between must not change it.
        _ = hash.digest
        hash.update(Array(message[(first + second)...]))
        #expect(hash.text == whole, "cut at \(first) and \(first + second)")
      }
    }
  }
}
