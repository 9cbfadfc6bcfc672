/// Six vectors: one row or column of a 6×6 patch.
struct Six {
  var v0: Vector
  var v1: Vector
  var v2: Vector
  var v3: Vector
  var v4: Vector
  var v5: Vector

  @inline(__always)
  init(_ v0: Vector, _ v1: Vector, _ v2: Vector, _ v3: Vector, _ v4: Vector, _ v5: Vector) {
    self.v0 = v0
    self.v1 = v1
    self.v2 = v2
    self.v3 = v3
    self.v4 = v4
    self.v5 = v5
  }

  @inline(__always)
  init(_ pointer: UnsafePointer<Float>, stride: Int) {
    self.init(
      load(pointer), load(pointer + stride), load(pointer + 2 * stride), load(pointer + 3 * stride),
      load(pointer + 4 * stride), load(pointer + 5 * stride))
  }

  @inline(__always)
  func write(_ pointer: UnsafeMutablePointer<Float>, stride: Int) {
    store(v0, pointer)
    store(v1, pointer + stride)
    store(v2, pointer + 2 * stride)
    store(v3, pointer + 3 * stride)
    store(v4, pointer + 4 * stride)
    store(v5, pointer + 5 * stride)
  }

  /// `Bᵀd` for the points 0, 1, −1, 2, −2, ∞.
  @inline(__always)
  func transformedInput() -> Six {
    let even4 = v4.plus(v2, times: -4)
    let odd4 = v3.plus(v1, times: -4)
    let even1 = v4 - v2
    let odd1 = v3 - v1
    return Six(
      v4.plus(v2, times: -5).plus(v0, times: 4), even4 + odd4, even4 - odd4, even1.plus(odd1, times: 2),
      even1.plus(odd1, times: -2), v5.plus(v3, times: -5).plus(v1, times: 4))
  }
}

extension Vector {
  /// `self + x·constant`, product and sum each rounded; the products by powers of two are exact.
  ///
  /// Not `addingProduct`: in functions of this size the compiler leaves its loop over lanes in pieces of four and eight.
  @inline(__always)
  func plus(_ x: Vector, times constant: Float) -> Vector { self + x * constant }
}

/// A short column or row of vectors: the m outputs or r taps of one algorithm.
protocol WinogradLine {
  init(_ pointer: UnsafePointer<Float>, stride: Int)
  func write(_ pointer: UnsafeMutablePointer<Float>, stride: Int)
  /// Calls `body` with the number and value of each element.
  func forEach(_ body: (Int, Vector) -> Void)
  /// The rows of six columns: row i holds element i of each.
  @inline(__always)
  static func rows(_ c: (Self, Self, Self, Self, Self, Self), _ body: (Int, Six) -> Void)
  /// Six columns made of `count` lines by `column`, then their six rows: `body(i, row i)`.
  @inline(__always)
  static func sixRows(_ column: (Int) -> Six, _ body: (Int, Self) -> Void)
}

struct Two: WinogradLine {
  var v0: Vector
  var v1: Vector

  @inline(__always)
  init(_ v0: Vector, _ v1: Vector) {
    self.v0 = v0
    self.v1 = v1
  }

  @inline(__always)
  init(_ pointer: UnsafePointer<Float>, stride: Int) {
    self.init(
      load(pointer), load(pointer + stride))
  }

  @inline(__always)
  func write(_ pointer: UnsafeMutablePointer<Float>, stride: Int) {
    store(v0, pointer)
    store(v1, pointer + stride)
  }

  @inline(__always)
  func forEach(_ body: (Int, Vector) -> Void) {
    body(0, v0)
    body(1, v1)
  }

  @inline(__always)
  static func rows(_ c: (Two, Two, Two, Two, Two, Two), _ body: (Int, Six) -> Void) {
    body(0, Six(c.0.v0, c.1.v0, c.2.v0, c.3.v0, c.4.v0, c.5.v0))
    body(1, Six(c.0.v1, c.1.v1, c.2.v1, c.3.v1, c.4.v1, c.5.v1))
  }

  @inline(__always)
  static func sixRows(_ column: (Int) -> Six, _ body: (Int, Two) -> Void) {
    let c0 = column(0)
    let c1 = column(1)
    body(0, Two(c0.v0, c1.v0))
    body(1, Two(c0.v1, c1.v1))
    body(2, Two(c0.v2, c1.v2))
    body(3, Two(c0.v3, c1.v3))
    body(4, Two(c0.v4, c1.v4))
    body(5, Two(c0.v5, c1.v5))
  }
}

struct Three: WinogradLine {
  var v0: Vector
  var v1: Vector
  var v2: Vector

  @inline(__always)
  init(_ v0: Vector, _ v1: Vector, _ v2: Vector) {
    self.v0 = v0
    self.v1 = v1
    self.v2 = v2
  }

  @inline(__always)
  init(_ pointer: UnsafePointer<Float>, stride: Int) {
    self.init(
      load(pointer), load(pointer + stride), load(pointer + 2 * stride))
  }

  @inline(__always)
  func write(_ pointer: UnsafeMutablePointer<Float>, stride: Int) {
    store(v0, pointer)
    store(v1, pointer + stride)
    store(v2, pointer + 2 * stride)
  }

  @inline(__always)
  func forEach(_ body: (Int, Vector) -> Void) {
    body(0, v0)
    body(1, v1)
    body(2, v2)
  }

  @inline(__always)
  static func rows(_ c: (Three, Three, Three, Three, Three, Three), _ body: (Int, Six) -> Void) {
    body(0, Six(c.0.v0, c.1.v0, c.2.v0, c.3.v0, c.4.v0, c.5.v0))
    body(1, Six(c.0.v1, c.1.v1, c.2.v1, c.3.v1, c.4.v1, c.5.v1))
    body(2, Six(c.0.v2, c.1.v2, c.2.v2, c.3.v2, c.4.v2, c.5.v2))
  }

  @inline(__always)
  static func sixRows(_ column: (Int) -> Six, _ body: (Int, Three) -> Void) {
    let c0 = column(0)
    let c1 = column(1)
    let c2 = column(2)
    body(0, Three(c0.v0, c1.v0, c2.v0))
    body(1, Three(c0.v1, c1.v1, c2.v1))
    body(2, Three(c0.v2, c1.v2, c2.v2))
    body(3, Three(c0.v3, c1.v3, c2.v3))
    body(4, Three(c0.v4, c1.v4, c2.v4))
    body(5, Three(c0.v5, c1.v5, c2.v5))
  }
}

struct Four: WinogradLine {
  var v0: Vector
  var v1: Vector
  var v2: Vector
  var v3: Vector

  @inline(__always)
  init(_ v0: Vector, _ v1: Vector, _ v2: Vector, _ v3: Vector) {
    self.v0 = v0
    self.v1 = v1
    self.v2 = v2
    self.v3 = v3
  }

  @inline(__always)
  init(_ pointer: UnsafePointer<Float>, stride: Int) {
    self.init(
      load(pointer), load(pointer + stride), load(pointer + 2 * stride), load(pointer + 3 * stride))
  }

  @inline(__always)
  func write(_ pointer: UnsafeMutablePointer<Float>, stride: Int) {
    store(v0, pointer)
    store(v1, pointer + stride)
    store(v2, pointer + 2 * stride)
    store(v3, pointer + 3 * stride)
  }

  @inline(__always)
  func forEach(_ body: (Int, Vector) -> Void) {
    body(0, v0)
    body(1, v1)
    body(2, v2)
    body(3, v3)
  }

  @inline(__always)
  static func rows(_ c: (Four, Four, Four, Four, Four, Four), _ body: (Int, Six) -> Void) {
    body(0, Six(c.0.v0, c.1.v0, c.2.v0, c.3.v0, c.4.v0, c.5.v0))
    body(1, Six(c.0.v1, c.1.v1, c.2.v1, c.3.v1, c.4.v1, c.5.v1))
    body(2, Six(c.0.v2, c.1.v2, c.2.v2, c.3.v2, c.4.v2, c.5.v2))
    body(3, Six(c.0.v3, c.1.v3, c.2.v3, c.3.v3, c.4.v3, c.5.v3))
  }

  @inline(__always)
  static func sixRows(_ column: (Int) -> Six, _ body: (Int, Four) -> Void) {
    let c0 = column(0)
    let c1 = column(1)
    let c2 = column(2)
    let c3 = column(3)
    body(0, Four(c0.v0, c1.v0, c2.v0, c3.v0))
    body(1, Four(c0.v1, c1.v1, c2.v1, c3.v1))
    body(2, Four(c0.v2, c1.v2, c2.v2, c3.v2))
    body(3, Four(c0.v3, c1.v3, c2.v3, c3.v3))
    body(4, Four(c0.v4, c1.v4, c2.v4, c3.v4))
    body(5, Four(c0.v5, c1.v5, c2.v5, c3.v5))
  }
}

struct Five: WinogradLine {
  var v0: Vector
  var v1: Vector
  var v2: Vector
  var v3: Vector
  var v4: Vector

  @inline(__always)
  init(_ v0: Vector, _ v1: Vector, _ v2: Vector, _ v3: Vector, _ v4: Vector) {
    self.v0 = v0
    self.v1 = v1
    self.v2 = v2
    self.v3 = v3
    self.v4 = v4
  }

  @inline(__always)
  init(_ pointer: UnsafePointer<Float>, stride: Int) {
    self.init(
      load(pointer), load(pointer + stride), load(pointer + 2 * stride), load(pointer + 3 * stride),
      load(pointer + 4 * stride))
  }

  @inline(__always)
  func write(_ pointer: UnsafeMutablePointer<Float>, stride: Int) {
    store(v0, pointer)
    store(v1, pointer + stride)
    store(v2, pointer + 2 * stride)
    store(v3, pointer + 3 * stride)
    store(v4, pointer + 4 * stride)
  }

  @inline(__always)
  func forEach(_ body: (Int, Vector) -> Void) {
    body(0, v0)
    body(1, v1)
    body(2, v2)
    body(3, v3)
    body(4, v4)
  }

  @inline(__always)
  static func rows(_ c: (Five, Five, Five, Five, Five, Five), _ body: (Int, Six) -> Void) {
    body(0, Six(c.0.v0, c.1.v0, c.2.v0, c.3.v0, c.4.v0, c.5.v0))
    body(1, Six(c.0.v1, c.1.v1, c.2.v1, c.3.v1, c.4.v1, c.5.v1))
    body(2, Six(c.0.v2, c.1.v2, c.2.v2, c.3.v2, c.4.v2, c.5.v2))
    body(3, Six(c.0.v3, c.1.v3, c.2.v3, c.3.v3, c.4.v3, c.5.v3))
    body(4, Six(c.0.v4, c.1.v4, c.2.v4, c.3.v4, c.4.v4, c.5.v4))
  }

  @inline(__always)
  static func sixRows(_ column: (Int) -> Six, _ body: (Int, Five) -> Void) {
    let c0 = column(0)
    let c1 = column(1)
    let c2 = column(2)
    let c3 = column(3)
    let c4 = column(4)
    body(0, Five(c0.v0, c1.v0, c2.v0, c3.v0, c4.v0))
    body(1, Five(c0.v1, c1.v1, c2.v1, c3.v1, c4.v1))
    body(2, Five(c0.v2, c1.v2, c2.v2, c3.v2, c4.v2))
    body(3, Five(c0.v3, c1.v3, c2.v3, c3.v3, c4.v3))
    body(4, Five(c0.v4, c1.v4, c2.v4, c3.v4, c4.v4))
    body(5, Five(c0.v5, c1.v5, c2.v5, c3.v5, c4.v5))
  }
}
