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
  func everyRowIsALine() throws {
    let lines = summary.lines
    func line(under layer: String) throws -> String {
      lines[try #require(lines.firstIndex(of: layer)) + 1]
    }
    let convolution = try line(under: "conv2d_1: winograd")
    #expect(convolution.hasPrefix("  weight_gradient") && convolution.contains("2.50"))
    let dense = try line(under: "dense_1: gemm")
    #expect(dense.hasPrefix("  forward") && dense.contains("1,234,567") && dense.hasSuffix("memory"))
    let norm = try line(under: "batch_norm_1: elementwise")
    #expect(norm.hasPrefix("  input_sums") && !norm.contains("0.0 "), "no operations, no rate")
    for row in lines { #expect(row.count <= 80, "\(row)") }
    #expect(lines.contains("median share of peak: winograd 2.50, gemm 0.50"))
    #expect(lines.contains("median share of copy bandwidth: batch_norm 0.50"))
    #expect(lines.contains("batch_norm: 18.75% of the time of all passes"), "0.75 of 4 µs")
  }

  @Test("the reason says why the build was chosen")
  func theReasonSaysWhoChose() {
    #expect(KernelText.reason(request: "portable") == "forced by LOCKSTEP_KERNELS")
    for request: String? in [nil, ""] { #expect(KernelText.reason(request: request).hasPrefix("the widest")) }
  }
}
