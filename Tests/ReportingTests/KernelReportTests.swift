import Measuring
import Network
import Testing

@testable import Reporting

@Suite struct KernelReportTests {
  private let summary = KernelBenchmarkSummary(
    kernels: "avx2", peakGigaflops: 100, copyGigabytesPerSecond: 10, images: 16,
    rows: [
      .init(
        layer: "conv2d_1", type: "conv2d", pass: .weightGradient, algorithm: "winograd", gigaflops: 250,
        shareOfPeak: 2.5,
        microsecondsPerImage: 1.25, bytesPerImage: 4096, shareOfCopy: 0.25, bound: "compute"),
      .init(
        layer: "dense_1", type: "dense", pass: .forward, algorithm: "gemm", gigaflops: 50, shareOfPeak: 0.5,
        microsecondsPerImage: 2, bytesPerImage: 1_234_567, shareOfCopy: 0.75, bound: "memory"),
      .init(
        layer: "batch_norm_1", type: "batch_norm", pass: .inputSums, algorithm: "elementwise", gigaflops: 0,
        shareOfPeak: 0,
        microsecondsPerImage: 0.75, bytesPerImage: 1024, shareOfCopy: 0.5, bound: "memory"),
    ])

  @Test("the object has the documented keys")
  func theObjectHasTheDocumentedKeys() {
    #expect(
      summary.json.compactText
        == #"{"kernels":"avx2","peak_gflops":100,"copy_gb_per_second":10,"images":16,"layers":["#
        + #"{"layer":"conv2d_1","type":"conv2d","pass":"weight_gradient","algorithm":"winograd","gflops":250,"share_of_peak":2.5,"#
        + #""us_per_image":1.25,"bytes_per_image":4096,"share_of_copy":0.25,"bound":"compute"},"#
        + #"{"layer":"dense_1","type":"dense","pass":"forward","algorithm":"gemm","gflops":50,"share_of_peak":0.5,"#
        + #""us_per_image":2,"bytes_per_image":1234567,"share_of_copy":0.75,"bound":"memory"},"#
        + #"{"layer":"batch_norm_1","type":"batch_norm","pass":"input_sums","algorithm":"elementwise","gflops":0,"#
        + #""share_of_peak":0,"us_per_image":0.75,"bytes_per_image":1024,"share_of_copy":0.5,"bound":"memory"}]}"#)
  }

  @Test("every row is a line")
  func everyRowIsALine() {
    let lines = summary.lines
    #expect(lines.contains { $0.hasPrefix("conv2d_1") && $0.contains("winograd") && $0.contains("2.50") })
    #expect(lines.contains { $0.hasPrefix("dense_1") && $0.contains("1,234,567") && $0.hasSuffix("memory") })
    #expect(lines.contains("median share of peak: winograd 2.50, gemm 0.50"))
    #expect(lines.contains("median share of copy bandwidth: batch_norm 0.50"))
    #expect(lines.contains("batch_norm: 18.75% of the time of all passes"), "0.75 of 4 µs")
    let norm = lines.first { $0.hasPrefix("batch_norm_1") }
    #expect(norm?.contains("input_sums") == true && norm?.contains("0.0 ") == false, "no operations, no rate")
  }

  @Test("the reason says why the build was chosen")
  func theReasonSaysWhoChose() {
    #expect(KernelText.reason(request: "portable") == "forced by LOCKSTEP_KERNELS")
    for request: String? in [nil, ""] { #expect(KernelText.reason(request: request).hasPrefix("the widest")) }
  }
}
