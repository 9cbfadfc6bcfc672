import Diagnostics

/// The mistakes of one configuration, gathered while it is read, and what hints about them need.
package final class ConfigurationMistakes {
  /// The first of them: more would not be read, and a hostile file may have any number.
  package private(set) var list: [UserError] = []
  /// How many there are.
  package private(set) var count: Int = 0
  private static let mostKept = 100
  /// The path of every key, for the hint about a misplaced one.
  let knownPaths: [String]

  package init(knownPaths: [String]) { self.knownPaths = knownPaths }

  /// Whether the next one will be in the list.
  var keepsMore: Bool { count < Self.mostKept }

  package func add(_ mistake: UserError) {
    count += 1
    if list.count < Self.mostKept { list.append(mistake) }
  }

  /// What `body` returns, or `nil` where it added a mistake.
  package func unlessMistaken<Value>(_ body: () -> Value?) -> Value? {
    let before = count
    let value = body()
    return count == before ? value : nil
  }
}
