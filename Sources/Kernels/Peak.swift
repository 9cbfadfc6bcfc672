/// Twelve independent vector sums, `iterations` multiply-adds each; returns the floating-point operations done.
///
/// This is the most that one core can do with this build's vectors.
@inline(never)
func peak(_ iterations: Int, _ scratch: UnsafeMutablePointer<Float>) -> Double {
  let x = Vector(repeating: scratch[0])
  let y = Vector(repeating: scratch[1])
  var a = (
    OneVector(), OneVector(), OneVector(), OneVector(), OneVector(), OneVector(), OneVector(), OneVector(), OneVector(),
    OneVector(), OneVector(), OneVector()
  )
  for _ in 0..<iterations {
    a.0.v = a.0.v.addingProduct(x, y)
    a.1.v = a.1.v.addingProduct(x, y)
    a.2.v = a.2.v.addingProduct(x, y)
    a.3.v = a.3.v.addingProduct(x, y)
    a.4.v = a.4.v.addingProduct(x, y)
    a.5.v = a.5.v.addingProduct(x, y)
    a.6.v = a.6.v.addingProduct(x, y)
    a.7.v = a.7.v.addingProduct(x, y)
    a.8.v = a.8.v.addingProduct(x, y)
    a.9.v = a.9.v.addingProduct(x, y)
    a.10.v = a.10.v.addingProduct(x, y)
    a.11.v = a.11.v.addingProduct(x, y)
  }
  let width = Vector.scalarCount
  a.0.store(to: scratch)
  a.1.store(to: scratch + width)
  a.2.store(to: scratch + 2 * width)
  a.3.store(to: scratch + 3 * width)
  a.4.store(to: scratch + 4 * width)
  a.5.store(to: scratch + 5 * width)
  a.6.store(to: scratch + 6 * width)
  a.7.store(to: scratch + 7 * width)
  a.8.store(to: scratch + 8 * width)
  a.9.store(to: scratch + 9 * width)
  a.10.store(to: scratch + 10 * width)
  a.11.store(to: scratch + 11 * width)
  return Double(iterations) * Double(12 * 2 * width)
}
