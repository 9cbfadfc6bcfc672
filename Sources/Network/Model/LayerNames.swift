/// The names of layers without one: `<type>_<n>`, n counted from 1 per type.
package struct LayerNames {
  private var countOfType: [String: Int] = [:]

  package init() {}

  /// The name of the next layer of a type.
  package mutating func next(_ type: String) -> String {
    let count = countOfType[type, default: 0] + 1
    countOfType[type] = count
    return "\(type)_\(count)"
  }
}
