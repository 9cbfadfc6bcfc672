import Diagnostics
import Machine
import TestSupport
import Testing

@testable import Datasets

/// Memory for data sets: refused before it is taken, with the sum.
@Suite struct PageBufferTests {
  private let little = AvailableMemory(bytes: 100 << 20, source: "memory.max of control group /box")

  @Test("a buffer that does not fit is refused with the sum")
  func whatDoesNotFitIsRefusedWithTheSum() {
    let error = userError {
      _ = try PageBuffer<Float>(shape: [60_000, 28, 28], for: "images.gz", available: little)
    }
    let sum = "60000×28×28 values of 4 bytes in memory, 188160000 bytes"
    #expect(
      error
        == UserError(
          .systemRefused, "images.gz",
          "needs \(sum), but 104857600 are available (memory.max of control group /box)"))
  }

  @Test("a buffer that fits is taken")
  func whatFitsIsTaken() throws {
    #expect(try PageBuffer<UInt8>(shape: [100 << 20], for: "x", available: little).elements.count == 100 << 20)
    #expect(userError { _ = try PageBuffer<UInt8>(shape: [100 << 20, 2], for: "x", available: little) } != nil)
    #expect(try PageBuffer<UInt8>(shape: [17 << 20], for: "x", available: nil).elements.count == 17 << 20)
    let none = AvailableMemory(bytes: 0, source: "x")
    let small = try PageBuffer<UInt8>(shape: [16, 1 << 20], for: "x", available: none)
    withExtendedLifetime(small) { #expect(small.elements.allSatisfy { $0 == 0 }) }
  }

  @Test("a buffer beyond the address space is refused")
  func whatCannotBeAddressedIsRefused() {
    let overflow = userError { _ = try PageBuffer<Float>(shape: [1 << 40, 1 << 40], for: "x", available: nil) }
    #expect(overflow?.message.hasSuffix("values of 4 bytes in memory, more than can be addressed") == true)
    let beyond = userError { _ = try PageBuffer<UInt8>(shape: [1 << 50], for: "x", available: nil) }
    #expect(
      beyond?.message
        == "needs 1125899906842624 values of 1 bytes in memory, 1125899906842624 bytes; the system refused")
  }
}
