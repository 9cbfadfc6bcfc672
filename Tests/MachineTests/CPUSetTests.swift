import CNUMA
import Diagnostics
import Machine
import Testing

struct CPUSetTests {
  private func parse(_ text: String) throws -> CPUSet {
    try CPUSet(list: text, category: .badConfiguration, subject: "here")
  }

  @Test(
    "lists read back the same",
    arguments: [
      ("", ""), (" \n", ""), ("0", "0"), ("0-3,8", "0-3,8"), ("8,3,2,1,0,8", "0-3,8"), ("1-2,2-5", "1-5"),
      ("63,64,65", "63-65"), ("4095-4097", "4095-4097"), ("65535", "65535"), (" 1 - 2 , 7\n", "1-2,7"), ("5-5", "5"),
    ])
  func listsRoundTrip(text: String, canonical: String) throws {
    let set = try parse(text)
    #expect(set.description == canonical)
    #expect(try parse(canonical) == set)
  }

  @Test(
    "any other text is refused",
    arguments: [
      "x", "1-", "-1", "3-1", "1,,2", ",", "1.5", "65536", "99999999999999999999", "0-3:2", "+1", "٣", "1-2-3",
    ])
  func otherTextIsRefused(text: String) {
    #expect {
      _ = try parse(text)
    } throws: { error in
      let error = error as? UserError
      return error?.subject == "here" && error?.message.contains("\"\(text)\"") == true && error?.hint != nil
    }
  }

  @Test("set operations keep the right members")
  func algebra() {
    let low = CPUSet(0..<70)
    let even = CPUSet(stride(from: 0, to: 200, by: 2))
    #expect(low.intersection(even).count == 35)
    #expect(low.union(even).count == 70 + 65)
    #expect(low.subtracting(even).first == 1)
    #expect(low.subtracting(low) == [])
    #expect(low.subtracting(low).last == nil)
    #expect(CPUSet([5, 5, 1]) == [1, 5])
    #expect(even.last == 198)
    #expect([Int](even) == [Int](stride(from: 0, to: 200, by: 2)))
    #expect(CPUSet([1, 2]).isSubset(of: low) && !even.isSubset(of: low))
  }

  /// A set that shrank equals one that was never larger.
  @Test("sets with the same members are equal")
  func equalityIsMembership() {
    var shrunk: CPUSet = [3, 4_095]
    shrunk.remove(4_095)
    shrunk.remove(9_999)
    #expect(shrunk == [3])
    #expect(shrunk.hashValue == CPUSet([3]).hashValue)
    #expect(!shrunk.contains(4_095) && !shrunk.contains(-1) && shrunk.contains(3))
    #expect(CPUSet(words: [0, 0]) == [])
  }
}

struct ThreadAffinityTests {
  @Test("pinning moves the thread and can be undone")
  func pinningMovesTheThreadAndCanBeUndone() throws {
    let before = try ThreadAffinity.current()
    defer { try? ThreadAffinity.set(to: before) }
    for cpu in before {
      try ThreadAffinity.pin(to: cpu)
      #expect(try ThreadAffinity.current() == [cpu])
      #expect(Int(sched_getcpu()) == cpu)
    }
    try ThreadAffinity.set(to: before)
    #expect(try ThreadAffinity.current() == before)
  }

  @Test("absent CPUs are refused", arguments: [4_001, 65_535])
  func absentCPUsAreRefused(cpu: Int) throws {
    let before = try ThreadAffinity.current()
    #expect {
      try ThreadAffinity.pin(to: cpu)
    } throws: { ($0 as? UserError)?.category == .systemRefused }
    #expect(throws: UserError.self) { try ThreadAffinity.set(to: []) }
    #expect(try ThreadAffinity.current() == before)
  }
}
