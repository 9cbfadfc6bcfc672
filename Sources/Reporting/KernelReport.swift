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
      .init("layer", .string(row.layer)), .init("pass", .string(row.pass.rawValue)),
      .init("algorithm", .string(row.algorithm)), .init("gflops", .number(row.gigaflops)),
      .init("share_of_peak", .number(row.shareOfPeak)), .init("us_per_image", .number(row.microsecondsPerImage)),
      .init("bytes_per_image", .number(row.bytesPerImage)), .init("bound", .string(row.bound)),
    ])
  }

  package var lines: [String] {
    var machine = TextTable([.left, .left])
    machine.add("kernels", kernels)
    machine.add("peak", "\(NumberText.fixed(peakGigaflops, 1)) GFLOP/s of one core, multiply-adds in registers")
    machine.add("copy", "\(NumberText.fixed(copyGigabytesPerSecond, 1)) GB/s read and written by one core")
    machine.add("images", "\(NumberText.grouped(images)) at a time")
    var table = TextTable([.left, .left, .left, .right, .right, .right, .right, .left])
    table.add("layer", "pass", "algorithm", "GFLOP/s", "of peak", "µs/image", "bytes/image", "bound")
    table.addRule()
    for row in rows {
      table.add(
        row.layer, row.pass.rawValue, row.algorithm, NumberText.fixed(row.gigaflops, 1),
        NumberText.fixed(row.shareOfPeak, 2), NumberText.fixed(row.microsecondsPerImage, 2),
        NumberText.grouped(Int(row.bytesPerImage)), row.bound)
    }
    let medians: [String] = ["direct", "winograd", "gemm"].compactMap { algorithm in
      let shares = rows.filter { $0.algorithm == algorithm }.map(\.shareOfPeak).sorted()
      return shares.isEmpty ? nil : "\(algorithm) \(NumberText.fixed(shares[shares.count / 2], 2))"
    }
    return machine.lines() + [""] + table.lines()
      + [
        "", "median share of peak: " + medians.joined(separator: ", "),
        "GFLOP/s count the direct method's operations, so Winograd's may exceed the peak.",
      ]
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
