// swift-tools-version: 6.2
import PackageDescription

// `LOCKSTEP_X86_KERNELS` tells the sources whether the two x86-64 builds exist. Their unsafe flags do not keep other
// packages from depending on a version of this one: from tools version 6.2 on, SwiftPM allows them there too.
#if arch(x86_64)
  let buildsX86Kernels = true
#else
  let buildsX86Kernels = false
#endif

func clang(_ features: [String]) -> SwiftSetting {
  .unsafeFlags(features.flatMap { ["-Xcc", "-m\($0)"] })
}

let avx2: [SwiftSetting] = [.define("LOCKSTEP_AVX2"), clang(["avx2", "fma"])]
let avx512: [SwiftSetting] = [
  .define("LOCKSTEP_AVX512"),
  clang(["avx2", "fma", "avx512f", "avx512vl", "avx512dq", "avx512bw", "prefer-vector-width=512"]),
]

let x86KernelTargets: [Target] =
  buildsX86Kernels
  ? [
    .target(name: "KernelsAVX2", dependencies: ["KernelInterface", "CProcessor"], swiftSettings: avx2),
    .target(name: "KernelsAVX512", dependencies: ["KernelInterface", "CProcessor"], swiftSettings: avx512),
  ] : []
let x86KernelDependencies: [Target.Dependency] = buildsX86Kernels ? ["KernelsAVX2", "KernelsAVX512"] : []
let x86Define: [SwiftSetting] = buildsX86Kernels ? [.define("LOCKSTEP_X86_KERNELS")] : []

// The allocation probe's functions take the place of the C library's, in shared libraries too.
let countedAllocation: [String] =
  ["malloc", "calloc", "realloc", "memalign", "aligned_alloc", "posix_memalign"]
  .flatMap { ["-Xlinker", "--defsym=\($0)=probe_\($0)"] } + ["-Xlinker", "--export-dynamic"]

// `make fuzz` sets the variable: the program that feeds the parsers links libFuzzer, which only such builds have.
let fuzzTargets: [Target] =
  Context.environment["LOCKSTEP_FUZZ"] == nil
  ? []
  : [
    .executableTarget(
      name: "lockstep-fuzz",
      dependencies: ["Configuration", "Datasets", "Diagnostics", "Machine", "Storage", "Training"],
      path: "Fuzz/lockstep-fuzz")
  ]

let package = Package(
  name: "lockstep",
  products: [.executable(name: "lockstep", targets: ["lockstep"])],
  targets: [
    .systemLibrary(name: "CNUMA", providers: [.apt(["libnuma-dev"])]),
    .systemLibrary(name: "CProcessor"),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "Diagnostics"),
    .target(name: "Randomness"),
    .target(name: "Machine", dependencies: ["CNUMA", "Diagnostics"]),
    .target(name: "Summation"),
    .target(name: "KernelInterface"),
    .target(name: "Kernels", dependencies: ["KernelInterface", "CProcessor"]),
    .target(name: "ReferenceKernels", dependencies: ["KernelInterface"]),
    .target(
      name: "Network",
      dependencies: [
        "CProcessor", "ConfigurationKeys", "KernelInterface", "Kernels", "ReferenceKernels", "Summation", "Diagnostics",
      ] + x86KernelDependencies,
      swiftSettings: x86Define),
    .target(
      name: "Datasets", dependencies: ["CZlib", "Machine", "Randomness", "Storage", "Diagnostics"],
      resources: [.embedInCode("Resources")]),
    .target(name: "Storage", dependencies: ["Diagnostics"]),
    .target(name: "Collectives", dependencies: ["Machine", "Summation", "Diagnostics"]),
    .target(name: "ConfigurationKeys", dependencies: ["Storage", "Diagnostics"]),
    .target(name: "Configuration", dependencies: ["ConfigurationKeys", "Network", "Storage", "Diagnostics"]),
    .target(
      name: "Training",
      dependencies: [
        "Configuration",
        "Network", "KernelInterface", "ReferenceKernels", "Collectives", "Summation", "Machine", "Datasets", "Storage",
        "Randomness",
        "Diagnostics",
      ]),
    .target(name: "Reporting", dependencies: ["Configuration", "Training", "Machine", "Storage", "Diagnostics"]),
    .executableTarget(
      name: "lockstep",
      dependencies: [
        "Configuration", "Training", "Reporting", "Network", "Datasets", "Storage", "Collectives", "Machine",
        "Diagnostics",
      ]),
  ] + x86KernelTargets + fuzzTargets + [
    .target(
      name: "TestSupport",
      dependencies: [
        "CZlib", "Randomness", "Machine", "Network", "KernelInterface", "ReferenceKernels", "Storage",
        "Configuration", "Diagnostics",
      ],
      path: "Tests/TestSupport"),
    .executableTarget(
      name: "AllocationProbe", dependencies: ["Configuration", "Training", "Network", "Datasets", "Machine"],
      path: "Tests/AllocationProbe",
      // Shared libraries, the Swift runtime among them, are to call the probe's `malloc`.
      linkerSettings: [.unsafeFlags(countedAllocation)]),
    .executableTarget(
      name: "StepProbe", dependencies: ["Configuration", "Datasets", "Machine", "Network", "Training"],
      path: "Tests/StepProbe"),
    .systemLibrary(name: "CSeccomp", path: "Tests/CSeccomp"),
    .executableTarget(name: "RefusedCalls", dependencies: ["CSeccomp"], path: "Tests/RefusedCalls"),
    .testTarget(name: "DiagnosticsTests", dependencies: ["Diagnostics"]),
    .testTarget(name: "RandomnessTests", dependencies: ["Randomness", "TestSupport"]),
    .testTarget(name: "MachineTests", dependencies: ["Machine", "TestSupport"]),
    .testTarget(
      name: "KernelTests",
      dependencies: ["Kernels", "KernelInterface", "Network", "ReferenceKernels", "Diagnostics", "TestSupport"]),
    .testTarget(
      name: "NetworkTests",
      dependencies: [
        "ConfigurationKeys", "Network", "KernelInterface", "ReferenceKernels", "Summation", "TestSupport", "Randomness",
        "Diagnostics",
      ]),
    .testTarget(
      name: "DatasetsTests",
      dependencies: ["Datasets", "Machine", "Storage", "Randomness", "CZlib", "Diagnostics", "TestSupport"]),
    .testTarget(name: "StorageTests", dependencies: ["Storage", "Randomness", "Diagnostics", "TestSupport"]),
    .testTarget(name: "CollectivesTests", dependencies: ["Collectives", "Machine", "Summation", "TestSupport"]),
    .testTarget(
      name: "ConfigurationTests",
      dependencies: ["Configuration", "ConfigurationKeys", "Network", "Storage", "Diagnostics", "TestSupport"]),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "Configuration",
        "Training", "Network", "KernelInterface", "ReferenceKernels", "Collectives", "Machine", "Datasets", "Storage",
        "Randomness", "Diagnostics", "TestSupport",
      ]),
    .testTarget(
      name: "ReportingTests",
      dependencies: [
        "Reporting", "Configuration", "Training", "Network", "Machine", "Storage", "Diagnostics", "TestSupport",
      ]),
    .testTarget(
      name: "CommandLineTests",
      dependencies: ["lockstep", "Configuration", "Training", "Reporting", "Storage", "Diagnostics", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
