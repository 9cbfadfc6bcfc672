import Testing

@testable import Network

@Suite("How parameters lie in the flat buffer")
struct ParameterTableTests {
  private static let parameters = [
    Parameter(
      ParameterSpecification(
        "weight", layout: .convolution, shape: [3, 3, 5, 37], positions: 9, channels: 5, outputs: 37),
      layer: "conv", channelStride: 16),
    Parameter(
      ParameterSpecification(
        "weight", layout: .dense, shape: [33, 4 * 17], positions: 4, channels: 17, outputs: 33),
      layer: "dense", channelStride: 32),
    Parameter(.bias(70), layer: "dense", channelStride: 32),
  ]

  @Test("runs of any range go through its elements in order, each where it belongs", arguments: parameters)
  func runs(parameter: Parameter) {
    let count = parameter.elementCount
    for range in [0..<count, 1..<count - 1, 31..<32, 7..<min(count, 300), 5..<5] {
      var places: [Int] = []
      parameter.forEachPackedRun(range) { first, count, at, step in
        #expect(first == range.lowerBound + places.count && count > 0)
        places += (0..<count).map { at + $0 * step }
      }
      #expect(places == range.map(parameter.packedIndex))
    }
  }

  @Test("a tensor comes out as it went in, and padding stays zero", arguments: parameters)
  func roundTrip(parameter: Parameter) {
    let table = ParameterTable([parameter])
    let values = (0..<parameter.elementCount).map { Float($0 + 1) }
    var flat = [Float](repeating: 0, count: parameter.packedCount)
    let back = flat.withUnsafeMutableBufferPointer { buffer -> [Float] in
      guard let base = buffer.baseAddress else { return [] }
      table.pack(parameter, values, into: base)
      return table.unpack(parameter, from: base)
    }
    #expect(back == values)
    #expect(flat.count { $0 != 0 } == values.count)
  }

  @Test("what has no gradient comes last in the flat buffer, and stays where it is in the order of files")
  func untrainedParametersComeLast() {
    let statistic = ParameterSpecification(
      vector: "running_mean", role: .runningStatistic, outputs: 40, initialValue: 0)
    let table = ParameterTable(
      [.bias(33), statistic, .bias(5)].enumerated().map {
        Parameter($0.element, layer: "l\($0.offset)", channelStride: 16)
      })
    #expect(table.parameters.map(\.name) == ["l0.bias", "l1.running_mean", "l2.bias"])
    #expect(table.parameters.map(\.offset) == [0, 96, 64])
    #expect(table.trainedCount == 96 && table.packedCount == 160)
  }
}
