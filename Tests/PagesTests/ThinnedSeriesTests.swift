import Testing

@testable import Pages

@Suite struct ThinnedSeriesTests {
  private func thinned(_ values: [Double], buckets: Int) -> [Double] {
    var series = ThinnedSeries(buckets: buckets)
    for (index, value) in values.enumerated() { series.add(step: index + 1, seconds: Double(index), value: value) }
    return series.points.map(\.value)
  }

  @Test("a short series is kept whole", arguments: [0, 1, 2, 7, 16])
  func aShortSeriesIsKeptWhole(count: Int) {
    let values = (0..<count).map { Double($0 * 7 % 5) }
    #expect(thinned(values, buckets: 8) == values)
  }

  @Test("a long series keeps its ends and all extremes, in bounded room", arguments: [17, 100, 4097, 100_000])
  func aLongSeriesKeepsItsExtremes(count: Int) {
    var values = (0..<count).map { Double($0 * 7919 % 1000) }
    let (peak, dip) = (count / 2, count / 3)
    values[peak] = 1e6
    values[dip] = -1e6
    var series = ThinnedSeries(buckets: 8)
    for (index, value) in values.enumerated() { series.add(step: index + 1, seconds: 0, value: value) }
    let points = series.points
    #expect(points.count <= 2 * 16 + 2 && points.count >= 8)
    #expect(points.contains { $0.step == peak + 1 && $0.value == 1e6 })
    #expect(points.contains { $0.step == dip + 1 && $0.value == -1e6 })
    #expect(points.first?.step == 1 && points.last?.step == count)
    #expect(points.map(\.index) == points.map(\.index).sorted())
    #expect(points.allSatisfy { $0.value == values[$0.index] && $0.step == $0.index + 1 })
  }

  @Test("values that are not finite are left out")
  func valuesThatAreNotFiniteAreLeftOut() {
    #expect(thinned([.nan, 1, .infinity, 2, -.infinity], buckets: 4) == [1, 2])
  }

  @Test("numbers are rounded to decimal digits")
  func numbersAreRounded() {
    #expect(ThinnedSeries.rounded(0.123456789, digits: 5) == 0.12346)
    #expect(ThinnedSeries.rounded(1_234_567, digits: 3) == 1_230_000)
    #expect(ThinnedSeries.rounded(-9.99996e-7, digits: 5) == -1e-6)
    #expect(ThinnedSeries.rounded(0, digits: 5) == 0)
    #expect(ThinnedSeries.rounded(100, digits: 5) == 100)
    #expect(ThinnedSeries.rounded(.leastNonzeroMagnitude, digits: 5) == .leastNonzeroMagnitude)
  }
}
