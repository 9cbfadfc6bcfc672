import Configuration
import Datasets
import Machine
import Runs
import Storage
import TestSupport
import Testing

@testable import Training

/// Digests of configurations as they were recorded once; see Tests/Fixtures/digests/README.md.
@Suite("Recorded digests")
struct DigestFixtureTests {
  /// One entry of `digests.json`.
  struct Entry: Sendable, CustomTestStringConvertible {
    var name: String
    /// The worker counts that must all give the digest.
    var workers: [Int]
    /// A whole configuration but for `runtime.workers`, as JSON.
    var configuration: String
    /// `nil` where it has not been recorded yet.
    var digest: String?
    var testDescription: String { name }
  }

  static func entries() throws -> [Entry] {
    let path = fixture("digests/digests.json")
    let text = String(decoding: try contents(ofFile: path), as: UTF8.self)
    guard case .array(let elements) = try JSONReader.value(of: text, dialect: .strict, subject: path) else {
      fatalError("\(path) is not an array.")
    }
    return elements.map { element in
      guard case .object(let members) = element, members.map(\.key) == ["name", "workers", "configuration", "digest"],
        case .string(let name) = members[0].value, case .array(let workers) = members[1].value
      else { fatalError("\(path) has an entry of another form: \(element.excerpt()).") }
      var digest: String?
      if case .string(let text) = members[3].value { digest = text }
      return Entry(
        name: name, workers: workers.compactMap(\.exactInteger), configuration: members[2].value.compactText,
        digest: digest)
    }
  }

  @Test("are what training gives, for every number of workers", arguments: try entries())
  func digest(entry: Entry) throws {
    let topology = try machine()
    for workers in entry.workers {
      let configuration = try ConfigurationReader.read(
        text: entry.configuration, file: "/digests.json",
        overrides: [ConfigurationOverride(path: "runtime.workers", value: .integer(workers), origin: entry.name)])
      let data = try configuration.loadData()
      let trainer = try Trainer(
        configuration: configuration, topology: topology, kernels: testKernels, training: data.training,
        test: data.test, initialWeights: nil)
      let initial = WeightsDigest.of(trainer.weights())
      let found = try trainer.run(stop: StopFlag()) { _ in }.weightsDigest
      #expect(found == entry.digest, "\(workers) workers")
      #expect(found != initial)
    }
  }

  @Test("are many, each of another run, over several numbers of workers")
  func entriesAreWhole() throws {
    let entries = try Self.entries()
    #expect(entries.count >= 55)
    #expect(Set(entries.map(\.name)).count == entries.count)
    #expect(Set(entries.map(\.digest)).count == entries.count)
    #expect(entries.allSatisfy { $0.workers.first == 1 && $0.workers.count > 1 })
  }
}
