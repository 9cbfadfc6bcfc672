import Foundation
import Testing

@Suite("Memory of a steady-state step")
struct TrainerAllocationTests {
  /// A program of its own counts the calls of `malloc` and relatives by workers; see Tests/AllocationProbe.
  @Test(
    "workers allocate nothing in a step, a reduction, an epoch's order and an evaluation", arguments: [1, 2, 3],
    ["plain", "norms", "groups", "recipe", "mapped", "ranks", "overlap"])
  func workersAllocateNothing(nodes: Int, net: String) throws {
    let probe = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "AllocationProbe")
    let process = Process()
    let output = Pipe()
    process.executableURL = probe
    // The first run warms up; 3 steps to an epoch. Ranks wait for each other's threads, many times a step.
    let hasRanks = net == "ranks" || net == "overlap"
    let epochs = hasRanks ? [2, 100, 400] : [2, 100, 2000]
    process.arguments = ["\(nodes)", net] + epochs.map { "\($0)" }
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").compactMap { Int($0) } }
    try #require(lines.count == 3 && lines.allSatisfy { $0.count == 2 }, "\(text)")
    #expect(lines.map { $0[0] } == epochs.map { 3 * $0 })
    // Preparing a worker takes some; that they are seen shows that the counter works.
    #expect(lines[0][1] > 0)
    // Hundreds or thousands of steps and epochs more may not take more; Dispatch may start a thread anew, and for two ranks
    // starts several in each run.
    #expect(lines[2][1] - lines[1][1] < (hasRanks ? 300 : 50), "\(text)")
  }
}
