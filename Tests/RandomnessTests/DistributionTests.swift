import Foundation
import Testing

@testable import Randomness

@Suite struct DistributionTests {
  let stream = RandomStream(seed: 42, purpose: .gradientCheck, stream: 7)

  @Test("uniform stays below 1 and has its moments")
  func uniformStaysBelowOneAndHasItsMoments() {
    let count = 40_000
    var sum = 0.0
    var squares = 0.0
    for index in 0..<count {
      let value = stream.uniform(UInt64(index))
      #expect(value >= 0 && value < 1)
      sum += value
      squares += value * value
    }
    // Five standard errors of the mean (0.2887/√n) and of the second moment (0.2981/√n).
    #expect(abs(sum / Double(count) - 0.5) < 5 * 0.2887 / Double(count).squareRoot())
    #expect(abs(squares / Double(count) - 1.0 / 3) < 5 * 0.2981 / Double(count).squareRoot())
  }

  @Test("below stays below its bound", arguments: [1, 2, 3, 10, 1437, 1 << 33, UInt64.max] as [UInt64])
  func belowStaysBelow(bound: UInt64) {
    for index: UInt64 in 0..<2000 { #expect(stream.below(bound, index: index) < bound) }
  }

  /// The 128-bit product against the same arithmetic in wide integers.
  @Test("below is the top of the full product")
  func belowIsTheTopOfTheFullProduct() {
    for index: UInt64 in 0..<500 {
      let block = stream.bits(index)
      let high = UInt128(block.y) << 32 | UInt128(block.x)
      let low = UInt128(block.w) << 32 | UInt128(block.z)
      for bound: UInt64 in [3, 1000, 0x9E37_79B9_7F4A_7C15, .max] {
        let product = high * UInt128(bound) + (low * UInt128(bound)) >> 64
        #expect(stream.below(bound, index: index) == UInt64(product >> 64))
      }
    }
  }

  /// Chi-squared over 10 cells: 99.99 % of fair draws stay below 33.7 (9 degrees of freedom).
  @Test("below is evenly distributed")
  func belowIsEven() {
    var cells = [Int](repeating: 0, count: 10)
    for index: UInt64 in 0..<20_000 { cells[Int(stream.below(10, index: index))] += 1 }
    let chiSquared = cells.reduce(0.0) { $0 + Double(($1 - 2000) * ($1 - 2000)) / 2000 }
    #expect(chiSquared < 33.7, "cells \(cells)")
  }

  @Test("normal has its moments and quantiles")
  func normalHasItsMomentsAndQuantiles() {
    let count = 40_000
    let values = (0..<count).map { Double(stream.normal(UInt64($0))) }
    let n = Double(count)
    let mean = values.reduce(0, +) / n
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
    let skewness = values.reduce(0) { $0 + $1 * $1 * $1 } / n
    let kurtosis = values.reduce(0) { $0 + $1 * $1 * $1 * $1 } / n
    #expect(abs(mean) < 5 / n.squareRoot())
    #expect(abs(variance - 1) < 5 * (2 / n).squareRoot())
    #expect(abs(skewness) < 5 * (15 / n).squareRoot())
    #expect(abs(kurtosis - 3) < 5 * (96 / n).squareRoot())
    for (limit, share) in [(-2.0, 0.02275013), (-1.0, 0.15865525), (0.0, 0.5), (1.0, 0.84134475), (2.0, 0.97724987)] {
      let below = Double(values.count { $0 < limit }) / n
      #expect(abs(below - share) < 5 * (share * (1 - share) / n).squareRoot(), "below \(limit)")
    }
  }

  /// Reference quantiles to 17 digits, from 40-digit arithmetic (`mpmath`), over all three regions.
  @Test(
    "the inverse normal matches reference values",
    arguments: [
      (0.5, 0.0),
      (0.6, 0.25334710313579974),
      (0.925, 1.4395314709384562),
      (0.9251, 1.4402382675279639),
      (0.975, 1.9599639845400539),
      (1e-3, -3.0902323061678135),
      (1e-9, -5.9978070150076869),
      (1.4e-11, -6.6567230915181836),
      (0x1p-53, -8.2095361516013869),
    ])
  func inverseNormalMatches(p: Double, z: Double) {
    #expect(abs(inverseNormal(p) - z) <= 4e-16 * max(1, abs(z)) * 2, "\(inverseNormal(p)) for \(p)")
  }

  @Test("the inverse normal is odd and rises")
  func inverseNormalIsOddAndRises() {
    var previous = -Double.infinity
    for k in 1..<4096 {
      let p = Double(k) / 4096
      let z = inverseNormal(p)
      #expect(z == -inverseNormal(1 - p))
      #expect(z > previous)
      previous = z
    }
  }

  @Test("the logarithm matches the library's to 2 ulps")
  func logarithmMatchesTheLibraryToTwoUlps() {
    for index: UInt64 in 0..<5000 {
      let x = Double(bitPattern: (UInt64(stream.bits(index).x) << 32 | UInt64(stream.bits(index).y)) >> 2 + 1 << 54)
      guard x.isNormal else { continue }
      let expected = Foundation.log(x)
      #expect(abs(naturalLogarithm(x) - expected) <= max(2 * expected.ulp, 4e-16 * abs(expected)), "ln \(x)")
    }
    #expect(naturalLogarithm(1) == 0)
  }

  /// The bits themselves, from a separate Philox and 40-digit quantiles: the same on every machine and build.
  @Test("bits are the recorded ones")
  func goldenBits() {
    let golden = RandomStream(seed: 1, purpose: .initialWeights, stream: 0)
    let bits = (0..<6).map { golden.normal($0).bitPattern }
    #expect(bits == [0x3fa03c14, 0x3f92b1a2, 0x3e118328, 0xbfe56989, 0x3ed7c391, 0xbf098389])
  }
}
