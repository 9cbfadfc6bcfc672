import CProcessor
import KernelInterface

// The width of a build: 16 floats with AVX-512, 8 otherwise. Lanes are independent sums, so the width changes no bit.
#if LOCKSTEP_AVX512
  typealias Vector = SIMD16<Float>
  typealias VectorBits = SIMD16<Int32>
#else
  typealias Vector = SIMD8<Float>
  typealias VectorBits = SIMD8<Int32>
#endif

/// Sixteen floats, the unit in which channels are padded; two vectors on narrower builds.
typealias Vector16 = SIMD16<Float>

/// Eight Doubles, two vectors on narrower builds.
typealias Double8 = SIMD8<Double>

/// Eight floats as Doubles.
@inline(__always)
func widened(_ pointer: UnsafePointer<Float>) -> Double8 {
  let x = UnsafeRawPointer(pointer).loadUnaligned(as: SIMD8<Float>.self)
  return Double8(
    Double(x[0]), Double(x[1]), Double(x[2]), Double(x[3]), Double(x[4]), Double(x[5]), Double(x[6]), Double(x[7]))
}

@inline(__always)
func load<V: SIMD>(_ pointer: UnsafePointer<Float>, as type: V.Type = V.self) -> V where V.Scalar == Float {
  UnsafeRawPointer(pointer).loadUnaligned(as: V.self)
}

@inline(__always)
func store<V: SIMD>(_ value: V, _ pointer: UnsafeMutablePointer<Float>) where V.Scalar == Float {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: V.self)
}

@inline(__always)
func loadBits(_ pointer: UnsafePointer<Int32>) -> VectorBits {
  UnsafeRawPointer(pointer).loadUnaligned(as: VectorBits.self)
}

@inline(__always)
func storeBits(_ value: VectorBits, _ pointer: UnsafeMutablePointer<Int32>) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: VectorBits.self)
}

// Generic code over vectors compiles to loops over lanes, hence one extension per width. Most selections work on the bits
// as integers: a positive float is a positive integer; the sign of a difference is the sign of the comparison. A NaN then
// counts by its sign bit. Where NaNs matter, floats are compared.

extension SIMD16<Float> {
  /// `self + a·b`, rounded once.
  @inline(__always)
  func addingProduct(_ a: Self, _ b: Self) -> Self { lockstep_fma16(a, b, self) }

  @inline(__always) private var bits: SIMD16<Int32> { unsafeBitCast(self, to: SIMD16<Int32>.self) }

  @inline(__always) private init(bits: SIMD16<Int32>) { self = unsafeBitCast(bits, to: Self.self) }

  /// All ones where the sign is set, else 0.
  @inline(__always) private var signs: SIMD16<Int32> { bits &>> 31 }

  /// `max(self, 0)`; a NaN stays one: the integers of −0 to −∞ are at most −2²³, those of negative NaNs above.
  @inline(__always)
  var positivePart: Self {
    Self(
      bits: SIMD16<Int32>(repeating: 0)
        .replacing(with: bits, where: bits .> SIMD16<Int32>(repeating: -8_388_608)))
  }

  /// `min(max(self, 0), limit)`; a NaN stays one.
  @inline(__always)
  func rectified(_ relu: FusedReLU) -> Self {
    let (value, limit) = (positivePart, Self(repeating: relu.limit))
    return value.replacing(with: limit, where: value .> limit)
  }

  /// `self` where `mask > 0`, else 0.
  @inline(__always)
  func kept(where mask: Self) -> Self {
    Self(bits: SIMD16<Int32>(repeating: 0).replacing(with: bits, where: mask.bits .> SIMD16<Int32>(repeating: 0)))
  }

  /// `self` where a ReLU with the output `output` lets the gradient pass, else 0; see `FusedReLU.passBound`.
  @inline(__always)
  func passed(_ relu: FusedReLU, _ output: Self) -> Self {
    Self(
      bits: SIMD16<Int32>(repeating: 0).replacing(
        with: bits, where: output.bits &+ Int32.max .< SIMD16<Int32>(repeating: relu.passBound)))
  }

  /// `self` where `difference` has no sign (≥ 0), else `other`.
  @inline(__always)
  func kept(whereNotNegative difference: Self, else other: Self) -> Self {
    let signs = difference.signs
    return Self(bits: (bits & ~signs) | (other.bits & signs))
  }

  /// The larger of both; of equal values either.
  @inline(__always)
  func larger(_ other: Self) -> Self { kept(whereNotNegative: self - other, else: other) }

  @inline(__always)
  var magnitude: Self { Self(bits: bits & SIMD16<Int32>(repeating: Int32.max)) }

  /// `self · 2^n` for the integers `exponents` in −126…127 as rounded by adding 1.5·2²³, whose low bits they are.
  @inline(__always)
  func scaled(byRounded exponents: Self, magic: Self) -> Self {
    self * Self(bits: (exponents.bits &- magic.bits &+ 127) &<< 23)
  }
}

#if !LOCKSTEP_AVX512
  extension SIMD8<Float> {
    /// `self + a·b`, rounded once.
    @inline(__always)
    func addingProduct(_ a: Self, _ b: Self) -> Self { lockstep_fma8(a, b, self) }

    @inline(__always) private var bits: SIMD8<Int32> { unsafeBitCast(self, to: SIMD8<Int32>.self) }

    @inline(__always) private init(bits: SIMD8<Int32>) { self = unsafeBitCast(bits, to: Self.self) }

    /// All ones where the sign is set, else 0.
    @inline(__always) private var signs: SIMD8<Int32> { bits &>> 31 }

    /// `max(self, 0)`; a NaN stays one: the integers of −0 to −∞ are at most −2²³, those of negative NaNs above.
    @inline(__always)
    var positivePart: Self {
      Self(
        bits: SIMD8<Int32>(repeating: 0)
          .replacing(with: bits, where: bits .> SIMD8<Int32>(repeating: -8_388_608)))
    }

    /// `min(max(self, 0), limit)`; a NaN stays one.
    @inline(__always)
    func rectified(_ relu: FusedReLU) -> Self {
      let (value, limit) = (positivePart, Self(repeating: relu.limit))
      return value.replacing(with: limit, where: value .> limit)
    }

    /// `self` where `mask > 0`, else 0.
    @inline(__always)
    func kept(where mask: Self) -> Self {
      Self(bits: SIMD8<Int32>(repeating: 0).replacing(with: bits, where: mask.bits .> SIMD8<Int32>(repeating: 0)))
    }

    /// `self` where a ReLU with the output `output` lets the gradient pass, else 0; see `FusedReLU.passBound`.
    @inline(__always)
    func passed(_ relu: FusedReLU, _ output: Self) -> Self {
      Self(
        bits: SIMD8<Int32>(repeating: 0).replacing(
          with: bits, where: output.bits &+ Int32.max .< SIMD8<Int32>(repeating: relu.passBound)))
    }

    /// `self` where `difference` has no sign (≥ 0), else `other`.
    @inline(__always)
    func kept(whereNotNegative difference: Self, else other: Self) -> Self {
      let signs = difference.signs
      return Self(bits: (bits & ~signs) | (other.bits & signs))
    }

    /// The larger of both; of equal values either.
    @inline(__always)
    func larger(_ other: Self) -> Self { kept(whereNotNegative: self - other, else: other) }

    @inline(__always)
    var magnitude: Self { Self(bits: bits & SIMD8<Int32>(repeating: Int32.max)) }

    /// `self · 2^n` for the integers `exponents` in −126…127 as rounded by adding 1.5·2²³, whose low bits they are.
    @inline(__always)
    func scaled(byRounded exponents: Self, magic: Self) -> Self {
      self * Self(bits: (exponents.bits &- magic.bits &+ 127) &<< 23)
    }
  }
#endif

extension Vector {
  private var integers: VectorBits { @inline(__always) get { unsafeBitCast(self, to: VectorBits.self) } }

  /// All ones where the value is not negative and no NaN with a sign, else 0.
  @inline(__always) var whereNotNegative: VectorBits { ~(integers &>> 31) }

  /// All ones where this value or `other` is a NaN, else 0.
  @inline(__always) func whereUnordered(_ other: Self) -> VectorBits {
    VectorBits(repeating: 0).replacing(with: -1, where: (self .!= self) .| (other .!= other))
  }

  /// All ones where the value equals `other`, zeros of either sign being equal, else 0.
  @inline(__always) func whereEqual(_ other: Self) -> VectorBits {
    VectorBits(repeating: 0).replacing(with: -1, where: self .== other)
  }

  /// A NaN where `selection` is all ones, the value where it is 0.
  @inline(__always) func madeNaN(where selection: VectorBits) -> Self {
    unsafeBitCast(integers | selection, to: Self.self)
  }

  /// All ones where the value is > 0, else 0.
  @inline(__always) var wherePositive: VectorBits {
    VectorBits(repeating: 0).replacing(with: -1, where: integers .> VectorBits(repeating: 0))
  }

  /// All ones where a ReLU with this output lets the gradient pass, else 0.
  @inline(__always) func wherePassed(_ relu: FusedReLU) -> VectorBits {
    VectorBits(repeating: 0)
      .replacing(with: -1, where: integers &+ Int32.max .< VectorBits(repeating: relu.passBound))
  }

  /// `self` where the sign of `selection` is set, else 0.
  @inline(__always) func kept(whereSign selection: VectorBits) -> Self {
    unsafeBitCast(integers & (selection &>> 31), to: Self.self)
  }
}
