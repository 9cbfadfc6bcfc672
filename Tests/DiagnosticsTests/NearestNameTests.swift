import Testing

@testable import Diagnostics

@Suite struct NearestNameTests {
  @Test func nearestNames() {
    #expect(NearestName.nearest(to: "batch-sise", among: ["epochs", "batch_size"]) == "batch_size")
    #expect(NearestName.nearest(to: "x", among: []) == nil)
    #expect(NearestName.distance("abcd", "abdc") == 1)
    #expect(NearestName.distance("", "abc") == 3)
    #expect(NearestName.distance("kitten", "sitting") == 3)
    #expect(NearestName.distance("Batch_Size", "batch-size") == 0)
  }
}
