import CProcessor
import Diagnostics
import KernelInterface
import Kernels

#if LOCKSTEP_X86_KERNELS
  import KernelsAVX2
  import KernelsAVX512
#endif

/// Which instruction-set build of the kernels runs.
package enum KernelBuild: String, Sendable, CaseIterable {
  case portable, avx2, avx512

  /// Whether this program contains the build.
  package var isBuilt: Bool {
    #if LOCKSTEP_X86_KERNELS
      true
    #else
      self == .portable
    #endif
  }

  /// The kernels of this build, `nil` if this program does not contain them.
  ///
  /// Use it only if the processor supports the build: making the table runs that build's instructions.
  package var table: KernelTable? {
    switch self {
    case .portable: Kernels.kernelTable
    #if LOCKSTEP_X86_KERNELS
      case .avx2: KernelsAVX2.kernelTable
      case .avx512: KernelsAVX512.kernelTable
    #else
      case .avx2, .avx512: nil
    #endif
    }
  }
}

extension KernelBuild {
  /// Whether this processor can run the build. The portable build runs everywhere.
  package var isSupported: Bool {
    switch self {
    case .portable: true
    case .avx2: lockstep_cpu_supports_avx2() != 0
    case .avx512: lockstep_cpu_supports_avx512() != 0
    }
  }

  /// The build to use: the one of a name, or without a name the widest this processor supports.
  ///
  /// - Parameter subject: what errors call the name: where it comes from.
  /// - Throws: `UserError(.usage)` for an unknown name; `UserError(.systemRefused)` if the processor or this program lacks
  ///   the build, and on an x86-64 processor without AVX2 and FMA unless `portable` is named.
  package static func select(_ name: String?, subject: String) throws(UserError) -> KernelTable {
    if let name, !name.isEmpty {
      let allowed = allCases.map(\.rawValue).joined(separator: ", ")
      guard let build = KernelBuild(rawValue: name) else {
        throw UserError(.usage, subject, "\"\(name)\" is not a kernel build; allowed: \(allowed)")
      }
      guard build.isBuilt else {
        throw UserError(
          .systemRefused, subject, "this program was built without the \(name) kernels",
          hint: "build it on x86-64, or leave \(subject) unset")
      }
      guard build.isSupported, let table = build.table else {
        throw UserError(
          .systemRefused, subject, "this processor does not support the \(name) kernels",
          hint: "leave \(subject) unset to use the best build it supports")
      }
      return table
    }
    for build in [KernelBuild.avx512, .avx2] where build.isSupported {
      if let table = build.table { return table }
    }
    #if LOCKSTEP_X86_KERNELS
      throw UserError(
        .systemRefused, "processor", "Lockstep's kernels need AVX2 and FMA, which this processor does not have",
        hint: "\(subject)=portable runs the same arithmetic without them, many times slower")
    #else
      return Kernels.kernelTable
    #endif
  }
}
