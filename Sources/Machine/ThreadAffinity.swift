import CNUMA
import Diagnostics
import Glibc

/// The CPUs that the calling thread may run on.
///
/// Masks grow with the machine: a kernel for more than 1,024 CPUs refuses the fixed-size `cpu_set_t`.
package enum ThreadAffinity {
  private static let smallestMaskWords = 1_024 / 64
  private static let largestMaskWords = (CPUSet.maximumCPU + 1) / 64

  /// The calling thread's mask.
  ///
  /// - Throws: `UserError` (71) if the system does not say.
  package static func current() throws(UserError) -> CPUSet {
    var count = smallestMaskWords
    while true {
      var words = [UInt64](repeating: 0, count: count)
      let status: Int32 = words.withUnsafeMutableBytes { bytes in
        guard let mask = bytes.baseAddress?.assumingMemoryBound(to: cpu_set_t.self) else { return -1 }
        return sched_getaffinity(0, bytes.count, mask)
      }
      if status == 0 { return CPUSet(words: words) }
      let code = errno
      guard code == EINVAL, count < largestMaskWords else {
        throw UserError(.systemRefused, "sched_getaffinity", "the thread's CPU mask cannot be read: \(reason(code)).")
      }
      count *= 2
    }
  }

  /// Lets the calling thread run on `cpu` alone, and reads the mask back to be sure.
  ///
  /// - Throws: `UserError` (71) if the system refuses or does something else.
  package static func pin(to cpu: Int) throws(UserError) {
    try set(to: [cpu])
  }

  /// Gives the calling thread `mask`, such as one that `current()` returned before, and reads it back.
  ///
  /// - Throws: `UserError` (71) if the system refuses or grants other CPUs.
  package static func set(to mask: CPUSet) throws(UserError) {
    let needed = ((mask.last ?? 0) / 64) + 1
    let words = mask.words(count: max(smallestMaskWords, needed))
    let status: Int32 = words.withUnsafeBytes { bytes in
      guard let mask = bytes.baseAddress?.assumingMemoryBound(to: cpu_set_t.self) else { return -1 }
      return sched_setaffinity(0, bytes.count, mask)
    }
    guard status == 0 else {
      throw UserError(
        .systemRefused, "sched_setaffinity", "the thread cannot move to CPU \(mask): \(reason(errno)).",
        hint: "Choose CPUs that `lockstep topology` lists as usable, or `runtime.placement.policy: \"none\"`.")
    }
    let granted = try current()
    guard granted == mask else {
      throw UserError(
        .systemRefused, "sched_setaffinity", "the thread asked for CPU \(mask) and was given \(granted).")
    }
  }
}

/// The C library's words for an `errno` value.
func reason(_ code: Int32) -> String {
  strerror(code).map { String(cString: $0) } ?? "error \(code)"
}
