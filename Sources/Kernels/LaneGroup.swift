/// The accumulators of one row of a register tile: one or two vectors of lanes.
///
/// Named fields, not an array: arrays of accumulators are not kept in registers.
protocol LaneGroup {
  static var lanes: Int { get }
  init()
  init(loading pointer: UnsafePointer<Float>)
  mutating func addProduct(_ x: Float, _ weights: Self)
  /// Adds the products with as many values.
  mutating func addProducts(_ x: UnsafePointer<Float>, _ weights: Self)
  func store(to pointer: UnsafeMutablePointer<Float>)
  func adding(_ other: Self) -> Self
  func positivePart() -> Self
  func passed(where mask: Self) -> Self
}

struct OneVector: LaneGroup {
  var v: Vector

  @inline(__always) static var lanes: Int { Vector.scalarCount }
  @inline(__always) init() { v = Vector(repeating: 0) }
  @inline(__always) init(v: Vector) { self.v = v }
  @inline(__always) init(loading pointer: UnsafePointer<Float>) { v = load(pointer) }
  @inline(__always) mutating func addProduct(_ x: Float, _ weights: OneVector) {
    v = v.addingProduct(Vector(repeating: x), weights.v)
  }
  @inline(__always) mutating func addProducts(_ x: UnsafePointer<Float>, _ weights: OneVector) {
    v = v.addingProduct(load(x), weights.v)
  }
  @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: v, as: Vector.self)
  }
  @inline(__always) func adding(_ other: OneVector) -> OneVector { OneVector(v: v + other.v) }
  @inline(__always) func positivePart() -> OneVector {
    OneVector(v: v.positivePart)
  }
  @inline(__always) func passed(where mask: OneVector) -> OneVector {
    OneVector(v: v.kept(where: mask.v))
  }
}

struct TwoVectors: LaneGroup {
  var low: OneVector
  var high: OneVector

  @inline(__always) static var lanes: Int { 2 * Vector.scalarCount }
  @inline(__always) init() {
    low = OneVector()
    high = OneVector()
  }
  @inline(__always) init(low: OneVector, high: OneVector) {
    self.low = low
    self.high = high
  }
  @inline(__always) init(loading pointer: UnsafePointer<Float>) {
    low = OneVector(loading: pointer)
    high = OneVector(loading: pointer + Vector.scalarCount)
  }
  @inline(__always) mutating func addProduct(_ x: Float, _ weights: TwoVectors) {
    low.addProduct(x, weights.low)
    high.addProduct(x, weights.high)
  }
  @inline(__always) mutating func addProducts(_ x: UnsafePointer<Float>, _ weights: TwoVectors) {
    low.addProducts(x, weights.low)
    high.addProducts(x + Vector.scalarCount, weights.high)
  }
  @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>) {
    low.store(to: pointer)
    high.store(to: pointer + Vector.scalarCount)
  }
  @inline(__always) func adding(_ other: TwoVectors) -> TwoVectors {
    TwoVectors(low: low.adding(other.low), high: high.adding(other.high))
  }
  @inline(__always) func positivePart() -> TwoVectors {
    TwoVectors(low: low.positivePart(), high: high.positivePart())
  }
  @inline(__always) func passed(where mask: TwoVectors) -> TwoVectors {
    TwoVectors(low: low.passed(where: mask.low), high: high.passed(where: mask.high))
  }
}
