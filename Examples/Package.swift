// swift-tools-version: 6.2
import PackageDescription

// Three programs with the library. Another package would name a version instead of a path:
// .package(url: "https://…/lockstep.git", from: "0.1.0")
let lockstep: Target.Dependency = .product(name: "Lockstep", package: "lockstep")

let package = Package(
  name: "lockstep-examples",
  dependencies: [.package(name: "lockstep", path: "..")],
  targets: [
    .executableTarget(name: "TrainDigits", dependencies: [lockstep]),
    .executableTarget(name: "CancelAndResume", dependencies: [lockstep]),
    .executableTarget(name: "PredictAndExport", dependencies: [lockstep]),
  ],
  swiftLanguageModes: [.v6]
)
