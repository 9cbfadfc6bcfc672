import Storage
import Testing

@testable import Configuration

@Suite struct RuntimeSectionTests {
  private let tuned = RuntimeConfiguration(
    workers: .count(3), shardSize: 8, policy: .scatter, nodes: nil, useSMT: false)
  private let section =
    #"{ "workers": 3, "shard_size": 8, "placement": { "policy": "scatter", "nodes": "all", "use_smt": false }, "#
    + #""memory": { "dataset": "auto", "huge_pages": true }, "audit_every_steps": 0, "#
    + #""mpi": { "timeout_seconds": 300, "overlap": true } }"#

  @Test(
    "only the runtime section changes",
    arguments: [
      ("{ runtime: { workers: 1 }, name: \"a\" }", "{ runtime: § , name: \"a\" }"),
      ("{a: {runtime: 1}, 'runtime' : {x: '}'} /* end */ }", "{a: {runtime: 1}, 'runtime' : § /* end */ }"),
      ("{\n  \"runtime\": { workers: 2, // one, two }\n  },\n}", "{\n  \"runtime\": §,\n}"),
      (
        "// runtime: 1\n{ a: 'runtime', b: [1, { runtime: 2 }] }",
        "// runtime: 1\n{\n  runtime: §, a: 'runtime', b: [1, { runtime: 2 }] }"
      ),
      ("{}", "{\n  runtime: §,}"), ("{ /* { */ a: \"\\\"\" }", "{\n  runtime: §, /* { */ a: \"\\\"\" }"),
      ("{ runtime: null }", "{ runtime: § }"), ("{ name: 'é', runtime: {} }", "{ name: 'é', runtime: § }"),
    ])
  func onlyTheSectionChanges(text: String, expected: String) throws {
    let result = try RuntimeSection.replace(in: text, by: tuned)
    let wanted = expected.split(separator: "§", omittingEmptySubsequences: false).joined(separator: section)
    #expect(result.filter { !$0.isWhitespace } == wanted.filter { !$0.isWhitespace })
    #expect(throws: Never.self) { try JSONReader.value(of: result, subject: "result") }
  }
}
