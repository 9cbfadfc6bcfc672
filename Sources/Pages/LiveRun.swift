import Configuration
import Diagnostics
import Reporting
import Runs
import Storage
import Training

/// A run that goes on, as `RunPage` describes one that has ended.
package struct LiveRun: Sendable {
  private let configuration: RunConfiguration
  private let folder: String
  private var curves = RunCurves()
  private var description: RunDescription?
  private var state = "running"
  /// Changes with everything that the page would show.
  private(set) var version = 0

  /// - Throws: as `MetricsLine.forEach`, of the lines of the run's earlier parts.
  package init(_ configuration: RunConfiguration, _ directory: RunDirectory) throws(UserError) {
    self.init(configuration, folder: directory.path)
    try curves.add(file: directory.place(of: "metrics.jsonl"))
  }

  init(_ configuration: RunConfiguration, folder: String) {
    self.configuration = configuration
    self.folder = folder
  }

  /// Takes what has happened.
  package mutating func add(_ event: TrainingEvent) {
    if case .started(let description) = event {
      self.description = description
    } else if let line = MetricsLine.object(event) {
      curves.add(line)
    } else {
      return
    }
    version += 1
  }

  package mutating func end(isInterrupted: Bool) {
    state = isInterrupted ? "interrupted" : "finished"
    version += 1
  }

  package var page: Page {
    var members: [JSONValue.Member] = [
      .init("name", .string(configuration.name)), .init("folder", .string(folder)), .init("state", .string(state)),
      .init("config", configuration.jsonValue), .init("curves", curves.json),
    ]
    if let description { members.append(.init("findings", RunFindings.begun(description))) }
    return Page(runs: [.object(members)])
  }
}
