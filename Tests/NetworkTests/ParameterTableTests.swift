import Testing

@testable import Network

@Suite("How parameters lie in the flat buffer")
struct ParameterTableTests {
  private static let parameters = [
    Parameter(
      name: "conv.weight", kind: .convolutionWeight, shape: [3, 3, 5, 37], positions: 9, channels: 5, channelStride: 16,
      outputs: 37, offset: 0),
    Parameter(
      name: "dense.weight", kind: .denseWeight, shape: [33, 4 * 17], positions: 4, channels: 17, channelStride: 32,
      outputs: 33, offset: 0),
    Parameter(
      name: "dense.bias", kind: .bias, shape: [70], positions: 1, channels: 1, channelStride: 1, outputs: 70, offset: 0),
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
    let values = (0..<parameter.elementCount).map { Float($0 + 1) }
    var flat = [Float](repeating: 0, count: parameter.packedCount)
    let back = flat.withUnsafeMutableBufferPointer { buffer -> [Float] in
      guard let base = buffer.baseAddress else { return [] }
      ParameterTable().pack(parameter, values, into: base)
      return ParameterTable().unpack(parameter, from: base)
    }
    #expect(back == values)
    #expect(flat.count { $0 != 0 } == values.count)
  }
}
