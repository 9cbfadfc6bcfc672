import Randomness
import TestSupport
import Testing

@testable import Storage

/// Thousands of damaged copies of a good file: read or refused as bad data, never a crash or another error.
@Suite struct MutatedFileTests {
  @Test("mutated safetensors files are read or refused")
  func safetensors() throws {
    let good = try contents(ofFile: fixture("safetensors/python.safetensors"))
    let stream = RandomStream(seed: 2026, purpose: .gradientCheck, stream: 1)
    let alphabet = Array("{}[]\",:\\0123456789-. ueE\u{0}".utf8) + [0x80, 0xC3, 0xFF]
    var accepted = 0
    for round: UInt64 in 0..<4000 {
      var bytes = good
      for change in 0...stream.below(3, index: round * 16) {
        let index = round * 16 + 1 + change * 4
        let at = Int(stream.below(UInt64(bytes.count), index: index))
        let byte = alphabet[Int(stream.below(UInt64(alphabet.count), index: index + 1))]
        switch stream.below(4, index: index + 2) {
        case 0: bytes.insert(byte, at: at)
        case 1: bytes.remove(at: at)
        case 2: bytes[at] ^= 1 << (byte % 8)
        default: bytes[at] = byte
        }
      }
      var result: SafetensorsFile?
      let error = userError { result = try Safetensors.read(ByteInput(name: "w", bytes: bytes)) }
      #expect((result != nil) != (error?.category == .badData), "round \(round)")
      // What is accepted is consistent: each tensor has the values its shape says.
      for tensor in result?.tensors ?? [] { #expect(tensor.shape.reduce(1, *) == tensor.values.count) }
      if result != nil { accepted += 1 }
    }
    // Both outcomes occur: changes to values and names are harmless, most others are not.
    #expect(accepted > 100 && accepted < 3000, "\(accepted)")
  }
}
