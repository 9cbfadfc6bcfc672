import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

/// GELU and SiLU of every build: against Double at a million places, and bit for bit against each other.
@Suite("GELU and SiLU kernels")
struct SmoothActivationTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var activation: Activation
    var value: @Sendable (Double) -> Double
    var slope: @Sendable (Double) -> Double
    /// Below which the true value may be rounded to 0.
    var smallest: Double
    var testDescription: String { "\(activation)" }
  }

  static let cases = [
    Case(activation: .gelu, value: ReferenceGELU.forward, slope: ReferenceGELU.slope, smallest: 1e-37),
    Case(activation: .silu, value: ReferenceSiLU.forward, slope: ReferenceSiLU.slope, smallest: 1e-35),
  ]

  /// Evenly from −16 to 16, evenly by exponent down to 2⁻¹²⁶ on both sides, and far out.
  private static let places: [Float] = {
    var places = (-(1 << 19)...(1 << 19)).map { Float($0) / Float(1 << 15) }
    for exponent in -126...6 {
      for step in 0..<512 {
        let value = Float(sign: .plus, exponent: exponent, significand: 1 + Float(step) / 512)
        places += [value, -value]
      }
    }
    places += [0, -0.0, 88.37, -88.37, -87.3, -87.31, -103.9, 1e4, -1e4, 1e30, -1e30, .greatestFiniteMagnitude]
    while places.count % 16 != 0 { places.append(1) }
    return places
  }()

  private func run(_ kernels: KernelTable, _ activation: Activation, _ x: FloatBuffer) -> (FloatBuffer, FloatBuffer) {
    let (out, slope, ones) = (FloatBuffer(x.count), FloatBuffer(x.count), FloatBuffer(x.count, fill: 1))
    kernels.activation(activation, x.pointer, out.pointer, x.count)
    kernels.activationGradient(activation, x.pointer, ones.pointer, slope.pointer, x.count)
    #expect(out.isIntact && slope.isIntact)
    return (out, slope)
  }

  @Test("are as exact as they say", arguments: cases)
  func accuracy(_ example: Case) {
    let x = FloatBuffer(Self.places)
    let (out, slope) = run(testKernels, example.activation, x)
    var (worst, worstSlope) = (0.0, 0.0)
    for (i, place) in Self.places.enumerated() {
      let value = example.value(Double(place))
      let error = abs(Double(out.pointer[i]) - value)
      if !(error <= example.smallest) { worst = max(worst, error / abs(value)) }
      worstSlope = max(worstSlope, abs(Double(slope.pointer[i]) - example.slope(Double(place))))
    }
    #expect(worst <= 6e-7 && worstSlope <= 4e-7, "value \(worst), slope \(worstSlope)")
  }

  @Test("have the same bits in every build, in place too, and multiply a gradient by the slope", arguments: cases)
  func bits(_ example: Case) throws {
    let x = FloatBuffer(Self.places)
    let (expected, slope) = run(try #require(runnableKernels.first), example.activation, x)
    var random = RandomFloats(seed: 3)
    let dout = FloatBuffer(random.array(x.count))
    for kernels in runnableKernels {
      let (out, other) = run(kernels, example.activation, x)
      #expect(out.bits == expected.bits && other.bits == slope.bits, "\(kernels.name)")
      let same = FloatBuffer(Self.places)
      kernels.activation(example.activation, same.pointer, same.pointer, x.count)
      #expect(same.bits == expected.bits)
      let dx = FloatBuffer(x.count)
      kernels.activationGradient(example.activation, x.pointer, dout.pointer, dx.pointer, x.count)
      #expect(dx.bits == zip(dout.values, slope.values).map { ($0 * $1).bitPattern })
    }
  }

  @Test("keep a NaN, and 0 at 0", arguments: cases)
  func edges(_ example: Case) {
    let x = FloatBuffer([.nan, -.nan, 0, -0.0] + [Float](repeating: 1, count: 12))
    let (out, slope) = run(testKernels, example.activation, x)
    #expect(out.values[0].isNaN && out.values[1].isNaN && slope.values[0].isNaN && slope.values[1].isNaN)
    #expect(
      out.values[2] == 0 && out.values[3] == 0 && abs(slope.values[2] - 0.5) <= 1e-7
        && slope.values[3] == slope.values[2])
  }
}
