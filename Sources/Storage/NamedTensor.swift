/// A named array of floats in its public layout, row-major over `shape`.
package struct NamedTensor: Sendable, Hashable {
  package var name: String
  package var shape: [Int]
  package var values: [Float]

  package init(name: String, shape: [Int], values: [Float]) {
    self.name = name
    self.shape = shape
    self.values = values
  }
}
