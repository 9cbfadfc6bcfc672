// The width of a build: 16 floats with AVX-512, 8 otherwise. Lanes are independent sums, so the width changes no bit.
#if LOCKSTEP_AVX512
  typealias Vector = SIMD16<Float>
#else
  typealias Vector = SIMD8<Float>
#endif

/// Sixteen floats, the unit in which channels are padded; two vectors on narrower builds.
typealias Vector16 = SIMD16<Float>

@inline(__always)
func load<V: SIMD>(_ pointer: UnsafePointer<Float>, as type: V.Type = V.self) -> V where V.Scalar == Float {
  UnsafeRawPointer(pointer).loadUnaligned(as: V.self)
}

@inline(__always)
func store<V: SIMD>(_ value: V, _ pointer: UnsafeMutablePointer<Float>) where V.Scalar == Float {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: V.self)
}

/// `max(x, 0)`; a NaN becomes 0, as `x > 0` is false for it.
@inline(__always)
func positivePart<V: SIMD>(_ x: V) -> V where V.Scalar == Float {
  V(repeating: 0).replacing(with: x, where: x .> V(repeating: 0))
}

/// `value` where `mask > 0`, else 0.
@inline(__always)
func passed<V: SIMD>(_ value: V, where mask: V) -> V where V.Scalar == Float {
  V(repeating: 0).replacing(with: value, where: mask .> V(repeating: 0))
}
