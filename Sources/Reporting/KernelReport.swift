import KernelBuilds
import Measuring
import Network
import Storage

extension KernelBenchmarkSummary: Summary {
  package var json: JSONValue {
    .object([
      .init("kernels", .string(kernels)),
      .init("peak_gflops", .number(peakGigaflops)),
      .init("copy_gb_per_second", .number(copyGigabytesPerSecond)),
      .init("images", .integer(images)),
      .init("layers", .array(rows.map(Self.json))),
    ])
  }

  private static func json(_ row: Row) -> JSONValue {
    .object([
      .init("layer", .string(row.layer)), .init("type", .string(row.type)), .init("pass", .string(row.pass.rawValue)),
      .init("algorithm", .string(row.algorithm)), .init("gflops", .number(row.gigaflops)),
      .init("share_of_peak", .number(row.shareOfPeak)), .init("us_per_image", .number(row.microsecondsPerImage)),
      .init("bytes_per_image", .number(row.bytesPerImage)), .init("share_of_copy", .number(row.shareOfCopy)),
      .init("bound", .string(row.bound)),
    ])
  }

  package var lines: [String] {
    var machine = TextTable([.left, .left])
    machine.add("kernels", kernels)
    machine.add("peak", "\(NumberText.fixed(peakGigaflops, 1)) GFLOP/s of one core, multiply-adds in registers")
    machine.add("copy", "\(NumberText.fixed(copyGigabytesPerSecond, 1)) GB/s read and written by one core")
    machine.add("images", "\(NumberText.grouped(images)) at a time")
    var table = TextTable([.left, .right, .right, .right, .right, .right, .left])
    table.add("pass", "GFLOP/s", "of peak", "µs/image", "bytes/image", "of copy", "bound")
    table.addRule()
    for row in rows {
      table.add(
        row.pass.rawValue, row.gigaflops > 0 ? NumberText.fixed(row.gigaflops, 1) : "",
        row.gigaflops > 0 ? NumberText.fixed(row.shareOfPeak, 2) : "", NumberText.fixed(row.microsecondsPerImage, 2),
        NumberText.grouped(Int(row.bytesPerImage)), NumberText.fixed(row.shareOfCopy, 2), row.bound)
    }
    let ofPeak = medians(
      rows.filter { $0.gigaflops > 0 && $0.algorithm != "depthwise" }, by: \.algorithm, \.shareOfPeak)
    let ofCopy = medians(rows.filter { $0.gigaflops == 0 || $0.algorithm == "depthwise" }, by: \.type, \.shareOfCopy)
    var notes = ["", "median share of peak: " + ofPeak]
    if !ofCopy.isEmpty { notes.append("median share of copy bandwidth: " + ofCopy) }
    let norm = BatchNorm.typeName
    if rows.contains(where: { $0.type == norm }) {
      notes.append("\(norm): \(NumberText.percent(share(ofType: norm))) of the time of all passes")
    }
    return machine.lines() + [""] + underLayers(table.lines(indentation: 2)) + notes
      + [
        "GFLOP/s count the direct method's operations: Winograd's may exceed the peak.",
        "of copy: bytes at copy bandwidth over the time; maps in caches may exceed 1.",
      ]
  }

  /// A table's lines, the passes of a layer under its name.
  private func underLayers(_ lines: [String]) -> [String] {
    let head = lines.count - rows.count
    var found = [String](lines.prefix(head))
    var last = ""
    for (row, line) in zip(rows, lines.dropFirst(head)) {
      let layer = "\(row.layer): \(row.algorithm)"
      if layer != last { found.append(layer) }
      found.append(line)
      last = layer
    }
    return found
  }

  /// `direct 0.95, winograd 2.90`, in the order in which the kinds first come.
  private func medians(_ rows: [Row], by kind: KeyPath<Row, String>, _ value: KeyPath<Row, Double>) -> String {
    var kinds: [String] = []
    for row in rows where !kinds.contains(row[keyPath: kind]) { kinds.append(row[keyPath: kind]) }
    return kinds.map { name in
      let values = rows.filter { $0[keyPath: kind] == name }.map { $0[keyPath: value] }.sorted()
      return "\(name) \(NumberText.fixed(values[values.count / 2], 2))"
    }.joined(separator: ", ")
  }
}

/// Which build of the kernels runs, and why.
package enum KernelText {
  /// The reason for the choice of `KernelBuild.select`; call it only where that did not throw.
  package static func reason(request: String?) -> String {
    if let request, !request.isEmpty { return "forced by LOCKSTEP_KERNELS" }
    let others: [String] = [KernelBuild.avx512, .avx2].compactMap { build in
      if !build.isBuilt { return "\(build.rawValue) is not part of this program" }
      return build.isSupported ? nil : "this processor lacks \(build.rawValue)"
    }
    return (["the widest that processor and program support"] + others).joined(separator: "; ")
  }
}
