import KernelInterface

/// See `TransposeArguments`.
func scatterTransposed(_ t: TransposeArguments) {
  assert(t.mistake == nil, t.mistake ?? "")
  let zero = Vector16(repeating: 0)
  for unit in 0..<t.units {
    let rows = t.source + unit * 16 * t.sourceStride
    let offset = Int(t.unitOffsets[unit])
    for n in 0..<t.examples {
      let from = rows + n
      var value = zero
      var place = 0
      for lane in 0..<16 {
        value[lane] = from[place]
        place += t.sourceStride
      }
      if let mask = t.mask { value = value.passed(t.relu, load(mask + n * t.maskStride + unit * 16)) }
      store(value, t.target + n * t.targetStride + offset)
    }
  }
}
