// swift-tools-version: 6.2
import PackageDescription

// A manifest is compiled for the machine that builds: who builds for another one names it, as in
// `LOCKSTEP_TARGET=aarch64-unknown-linux-gnu swift build --triple aarch64-unknown-linux-gnu`.
#if arch(x86_64)
  let host = "x86_64"
#else
  let host = "other"
#endif
// `LOCKSTEP_X86_KERNELS` tells the sources whether the two x86-64 builds exist. Their unsafe flags do not keep other
// packages from depending on a version of this one: from tools version 6.2 on, SwiftPM allows them there too.
let buildsX86Kernels = (Context.environment["LOCKSTEP_TARGET"] ?? host).hasPrefix("x86_64")

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
      dependencies: [
        "Training", "MessagePassing", "Runs", "Configuration", "Collectives", "Datasets", "Machine", "Storage",
        "Diagnostics",
        "CZlib",
      ],
      path: "Fuzz/lockstep-fuzz")
  ]

// From top to bottom, in the order of README's map of the code: a target depends only on targets below it, and on each
// that it imports. `.ci/check-imports` compares.
let package = Package(
  name: "lockstep",
  products: [
    .executable(name: "lockstep", targets: ["lockstep"]),
    .library(name: "Lockstep", targets: ["Lockstep"]),
  ],
  targets: [
    .executableTarget(
      name: "lockstep",
      dependencies: [
        "Pages", "Drafts", "Reporting", "Measuring", "Training", "MessagePassing", "Exchange", "Runs", "Configuration",
        "KernelBuilds", "Network", "Collectives", "Datasets", "Machine", "KernelInterface", "Storage", "Diagnostics",
      ]),
    .target(
      name: "Lockstep",
      dependencies: [
        "Training", "Exchange", "Runs", "Configuration", "KernelBuilds", "Network", "Collectives", "Datasets",
        "Machine", "KernelInterface", "Storage", "Diagnostics",
      ]),
    .target(
      name: "Pages",
      dependencies: [
        "Reporting", "Measuring", "Training", "Runs", "Configuration", "Datasets", "Machine", "KernelInterface",
        "Storage", "Diagnostics", "CPNG",
      ],
      resources: [.embedInCode("Resources")]),
    .target(
      name: "Drafts",
      dependencies: [
        "Reporting", "Training", "Configuration", "Network", "Datasets", "Storage", "Diagnostics",
      ]),
    .target(
      name: "Reporting",
      dependencies: [
        "Measuring", "Training", "Exchange", "Runs", "Configuration", "KernelBuilds", "Network", "Machine", "Storage",
        "Diagnostics",
      ]),
    .target(
      name: "Measuring",
      dependencies: [
        "Training", "Runs", "Configuration", "Network", "Collectives", "Datasets", "Machine", "ReferenceKernels",
        "KernelInterface", "Storage", "Randomness", "Diagnostics",
      ]),
    .target(
      name: "Training",
      dependencies: [
        "Runs", "Configuration", "Network", "Collectives", "Summation", "Datasets", "Machine", "KernelInterface",
        "Storage", "Randomness", "Diagnostics",
      ]),
    .target(name: "MessagePassing", dependencies: ["Collectives", "Machine", "Diagnostics"]),
    .target(name: "Exchange", dependencies: ["Configuration", "Network", "Storage", "Diagnostics"]),
    .target(name: "Runs", dependencies: ["Configuration", "Network", "Datasets", "Machine", "Storage", "Diagnostics"]),
    .target(name: "Configuration", dependencies: ["Network", "ConfigurationKeys", "Storage", "Diagnostics"]),
    .target(
      name: "KernelBuilds",
      dependencies: ["Kernels", "KernelInterface", "Diagnostics", "CProcessor"] + x86KernelDependencies,
      swiftSettings: x86Define),
    .target(
      name: "Network",
      dependencies: [
        "Summation", "ReferenceKernels", "KernelInterface", "ConfigurationKeys", "Storage", "Randomness", "Diagnostics",
      ]),
    .target(name: "Collectives", dependencies: ["Summation", "Machine", "Diagnostics"]),
    .target(name: "Summation"),
    .target(
      name: "Datasets",
      dependencies: ["Machine", "Storage", "Randomness", "Diagnostics", "CPNG", "CTurboJPEG", "CZlib"],
      resources: [.embedInCode("Resources")]),
    .target(name: "Machine", dependencies: ["Diagnostics", "CNUMA"]),
    .target(name: "Kernels", dependencies: ["KernelInterface", "CProcessor"]),
  ] + x86KernelTargets + [
    .target(name: "ReferenceKernels", dependencies: ["KernelInterface", "Randomness"]),
    .target(name: "KernelInterface"),
    .target(name: "ConfigurationKeys", dependencies: ["Storage", "Diagnostics"]),
    .target(name: "Storage", dependencies: ["Diagnostics"]),
    .target(name: "Randomness"),
    .target(name: "Diagnostics"),
    .systemLibrary(name: "CNUMA", providers: [.apt(["libnuma-dev"])]),
    .systemLibrary(name: "CPNG", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CTurboJPEG", providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CProcessor"),
  ] + fuzzTargets + [
    .testTarget(
      name: "CommandLineTests",
      dependencies: ["lockstep", "Lockstep", "Runs", "Configuration", "Storage", "Diagnostics", "TestSupport"]),
    .testTarget(
      name: "LockstepTests",
      dependencies: ["Lockstep", "Configuration", "ConfigurationKeys", "Storage", "TestSupport"]),
    .testTarget(
      name: "PagesTests",
      dependencies: [
        "Pages", "Measuring", "Training", "Configuration", "Storage", "Diagnostics", "CPNG", "TestSupport",
      ]),
    .testTarget(
      name: "ReportingTests",
      dependencies: [
        "Reporting", "Measuring", "Training", "Runs", "Configuration", "Network", "Machine", "Diagnostics",
      ]),
    .testTarget(
      name: "MeasuringTests",
      dependencies: ["Measuring", "Training", "Configuration", "Machine", "Randomness", "Diagnostics", "TestSupport"]),
    .testTarget(
      name: "ExchangeTests",
      dependencies: [
        "Exchange", "Training", "Configuration", "Network", "Datasets", "Machine", "Storage", "Diagnostics",
        "TestSupport",
      ]),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "Measuring", "Training", "Runs", "Configuration", "Network", "Collectives", "Datasets", "Machine",
        "ReferenceKernels", "KernelInterface", "Storage", "Randomness", "Diagnostics", "TestSupport",
      ]),
    .testTarget(
      name: "RunsTests",
      dependencies: [
        "Reporting", "Measuring", "Training", "Runs", "Configuration", "Machine", "KernelInterface", "Storage",
        "Diagnostics", "TestSupport",
      ]),
    .testTarget(
      name: "ConfigurationTests",
      dependencies: ["Configuration", "Network", "ConfigurationKeys", "Storage", "Diagnostics", "TestSupport"]),
    .testTarget(
      name: "KernelTests",
      dependencies: ["KernelBuilds", "Kernels", "ReferenceKernels", "KernelInterface", "Diagnostics", "TestSupport"]),
    .testTarget(
      name: "NetworkTests",
      dependencies: [
        "Network", "Summation", "ReferenceKernels", "KernelInterface", "ConfigurationKeys", "Diagnostics",
        "TestSupport",
      ]),
    .testTarget(
      name: "MessagePassingTests",
      dependencies: ["MessagePassing", "Collectives", "Machine", "Diagnostics", "TestSupport"]),
    .testTarget(
      name: "CollectivesTests",
      dependencies: ["Collectives", "Summation", "Machine", "Diagnostics", "CNUMA", "TestSupport"]),
    .testTarget(
      name: "DatasetsTests",
      dependencies: [
        "Datasets", "Machine", "Storage", "Randomness", "Diagnostics", "CTurboJPEG", "TestSupport",
      ]),
    .testTarget(name: "MachineTests", dependencies: ["Machine", "Diagnostics", "CNUMA"]),
    .testTarget(name: "StorageTests", dependencies: ["Storage", "Randomness", "Diagnostics", "TestSupport"]),
    .testTarget(name: "RandomnessTests", dependencies: ["Randomness"]),
    .testTarget(name: "DiagnosticsTests", dependencies: ["Diagnostics"]),
    .executableTarget(
      name: "AllocationProbe",
      dependencies: [
        "Training", "Collectives", "Configuration", "KernelBuilds", "Network", "Datasets", "Machine", "Storage",
      ],
      path: "Tests/AllocationProbe",
      // Shared libraries, the Swift runtime among them, are to call the probe's `malloc`.
      linkerSettings: [.unsafeFlags(countedAllocation)]),
    .executableTarget(
      name: "StepProbe", dependencies: ["Training", "Configuration", "KernelBuilds", "Datasets", "Machine"],
      path: "Tests/StepProbe"),
    .executableTarget(
      name: "MessageProbe", dependencies: ["MessagePassing", "Collectives", "Diagnostics"], path: "Tests/MessageProbe"),
    // The program once more, with a clock that goes back in place of the C library's.
    .executableTarget(
      name: "SteppingClock",
      dependencies: [
        "Pages", "Drafts", "Reporting", "Measuring", "Training", "MessagePassing", "Exchange", "Runs", "Configuration",
        "KernelBuilds", "Network", "Collectives", "Datasets", "Machine", "KernelInterface", "Storage", "Diagnostics",
      ],
      path: "Tests/SteppingClock",
      linkerSettings: [
        .unsafeFlags(["-Xlinker", "--defsym=clock_gettime=stepping_clock_gettime", "-Xlinker", "--export-dynamic"])
      ]),
    .executableTarget(name: "RefusedCalls", dependencies: ["CSeccomp"], path: "Tests/RefusedCalls"),
    .target(
      name: "TestSupport",
      dependencies: [
        "Configuration", "ConfigurationKeys", "KernelBuilds", "Network", "Collectives", "Machine", "ReferenceKernels",
        "KernelInterface", "Storage", "Randomness", "Diagnostics", "CZlib",
      ],
      path: "Tests/TestSupport"),
    .systemLibrary(name: "CSeccomp", path: "Tests/CSeccomp"),
  ],
  swiftLanguageModes: [.v6]
)
