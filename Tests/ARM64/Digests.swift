import Kernels
import Storage

/// Compares the digests of the self-test's kernels with its table, a line each, and says in the last one whether all agree.
@main
struct Digests {
  static func main() {
    var (count, failed) = (0, 0)
    for (name, digest) in SelfTestKernels.digests(kernelTable) {
      let isRight = SelfTestDigests.all[name] == digest.text
      print("  \(name): \(isRight ? "ok" : "FAILED")")
      count += 1
      if !isRight { failed += 1 }
    }
    print(
      failed == 0
        ? "arm64: all \(count) digests of kernels are those of the table" : "arm64: \(failed) of \(count) differ")
  }
}
