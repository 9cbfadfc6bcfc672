import KernelBuilds
import TestSupport
import Testing

/// Which builds the tests of "every build" compare: a build that the processor cannot run is reported as skipped here.
@Suite("Builds of the kernels that tests compare")
struct BuildTests {
  @Test("portable")
  func portable() { #expect(compares(.portable)) }

  @Test("AVX2", .enabled(if: isRunnable(.avx2), "left out of every test here: this machine cannot run AVX2 kernels"))
  func avx2() { #expect(compares(.avx2)) }

  @Test(
    "AVX-512", .enabled(if: isRunnable(.avx512), "left out of every test here: this machine cannot run AVX-512 kernels")
  )
  func avx512() { #expect(compares(.avx512)) }

  private static func isRunnable(_ build: KernelBuild) -> Bool { build.isBuilt && build.isSupported }
  private func compares(_ build: KernelBuild) -> Bool { runnableKernels.contains { $0.name == build.rawValue } }
}
