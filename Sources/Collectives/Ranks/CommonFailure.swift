import Diagnostics

/// An error that all ranks of a job have alike, so that one of them says it for all and none needs to end the others.
package struct CommonFailure: Error, Hashable, CustomStringConvertible {
  /// The exit code of the error's category.
  package let code: Int32
  package let description: String

  package init(_ error: UserError) {
    code = error.category.rawValue
    description = "\(error)"
  }

  /// What several ranks' failures come to; `nil` if none failed.
  ///
  /// Ranks with the same words are named together, and not at all if they are all ranks. The lowest rank's code counts.
  init?(_ outcomes: [RankOutcome], names: [String]) {
    var failures: [(text: String, code: Int32, ranks: [String])] = []
    for (rank, outcome) in outcomes.enumerated() {
      guard case .failed(let code, let text) = outcome else { continue }
      if let known = failures.firstIndex(where: { $0.text == text }) {
        failures[known].ranks.append(names[rank])
      } else {
        failures.append((text, code, [names[rank]]))
      }
    }
    guard let first = failures.first else { return nil }
    code = first.code
    description =
      first.ranks.count == names.count
      ? first.text : failures.map { "\(Self.list($0.ranks)): \($0.text)" }.joined(separator: "\n")
  }

  private static let mostNamed = 5

  private static func list(_ names: [String]) -> String {
    names.count <= mostNamed
      ? names.joined(separator: ", ")
      : names.prefix(mostNamed).joined(separator: ", ") + " and \(names.count - mostNamed) more"
  }
}

/// How far a rank came by itself.
package enum RankOutcome: Hashable, Sendable {
  case done
  /// With the exit code and the words.
  case failed(Int32, String)

  /// Nothing, or the code as four bytes and the words.
  package var bytes: [UInt8] {
    switch self {
    case .done: []
    case .failed(let code, let text): withUnsafeBytes(of: code.littleEndian, Array.init) + Array(text.utf8)
    }
  }

  package init(bytes: [UInt8]) {
    guard !bytes.isEmpty else {
      self = .done
      return
    }
    let code = bytes.prefix(4).enumerated().reduce(UInt32(0)) { $0 | UInt32($1.element) << UInt32(8 * $1.offset) }
    self = .failed(Int32(bitPattern: code), String(decoding: bytes.dropFirst(4), as: UTF8.self))
  }
}

extension Job {
  /// Does `body` on every rank, and goes on only if it succeeded on all.
  ///
  /// - Parameter subject: what a time-out's message calls it.
  /// - Throws: `CommonFailure` on every rank if one failed; `UserError` (71) if a rank does not answer.
  package func together<Value>(_ subject: String, _ body: () throws -> Value) throws -> Value {
    let result = Result { try body() }
    var own = RankOutcome.done
    if case .failure(let error) = result {
      own = .failed(((error as? UserError)?.category ?? .internalFailure).rawValue, "\(error)")
    }
    let outcomes = try gather(own.bytes, subject).map { RankOutcome(bytes: $0) }
    if let failure = CommonFailure(outcomes, names: (0..<count).map { name($0) }) { throw failure }
    return try result.get()
  }
}
