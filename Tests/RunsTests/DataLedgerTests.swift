import Configuration
import Diagnostics
import Foundation
import Measuring
import Reporting
import Storage
import TestSupport
import Testing
import Training

@testable import Runs

/// The digest of the data in a ledger, for every format of files: what a run was trained on, and nothing else.
@Suite struct DataLedgerTests {
  enum Format: String, CaseIterable {
    case idx, imageFolder, npz, npy, cifar10
  }

  private let folder: TemporaryFolder
  private let pixels: [UInt8]
  private let labels: [UInt8] = [0, 1, 1, 0, 0, 1]

  init() throws {
    folder = try TemporaryFolder()
    pixels = (0..<6 * 3 * 32 * 32).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31 % 253) }
  }

  /// Six images of 32×32, of which CIFAR's have three channels and all others the first.
  private func grey(_ pixels: [UInt8], _ image: Int) -> [UInt8] { Array(pixels[image * 3072..<image * 3072 + 1024]) }

  private func write(_ format: Format, _ pixels: [UInt8], _ labels: [UInt8]) throws {
    let images = (0..<6).flatMap { grey(pixels, $0) }
    switch format {
    case .idx:
      _ = try folder.write(idx([6, 32, 32], images), to: "images")
      _ = try folder.write(idx([6], labels), to: "labels")
    case .imageFolder:
      try? FileManager.default.removeItem(atPath: folder.file("tree"))
      for (image, label) in labels.enumerated() {
        try FileManager.default.createDirectory(
          atPath: folder.file("tree/\(label)"), withIntermediateDirectories: true)
        _ = try folder.write(
          pngFile(height: 32, width: 32, grey: grey(pixels, image)), to: "tree/\(label)/\(image).png")
      }
    case .npz, .npy:
      let (x, y) = (npy("|u1", [6, 32, 32], images), npy("|u1", [6], labels))
      _ = try folder.write(zip([("x.npy", x, true), ("y.npy", y, false)]), to: "data.npz")
      _ = try folder.write(x, to: "x.npy")
      _ = try folder.write(y, to: "y.npy")
    case .cifar10:
      var batch: [UInt8] = []
      for image in 0..<6 {
        batch.append(labels[image])
        batch += pixels[image * 3072..<(image + 1) * 3072]
      }
      _ = try folder.write(batch, to: "batch.bin")
    }
  }

  private func configuration(_ format: Format) throws -> RunConfiguration {
    let data =
      switch format {
      case .idx: "{ format: 'idx', train: { images: 'images', labels: 'labels' } }"
      case .imageFolder: "{ format: 'image_folder', train: 'tree' }"
      case .npz: "{ format: 'npz', train: { file: 'data.npz', images: 'x', labels: 'y' } }"
      case .npy: "{ format: 'npz', train: { images: 'x.npy', labels: 'y.npy' } }"
      case .cifar10: "{ format: 'cifar10', train: ['batch.bin'] }"
      }
    let classes = format == .cifar10 ? 10 : 2
    return try ConfigurationReader.read(
      text: """
        { model: { input: [32, 32, \(format == .cifar10 ? 3 : 1)], layers: [
            { type: 'max_pool2d', pool_size: 8, strides: 8 }, { type: 'flatten' }, { type: 'dense', units: \(classes) },
            { type: 'softmax' } ] },
          data: \(data), training: { epochs: 2, batch_size: 4 },
          runtime: { workers: 2, shard_size: 1, placement: { policy: 'none' } } }
        """, file: folder.file("net.json"))
  }

  private func train(_ format: Format) throws -> LedgerStart {
    let run = try configuration(format)
    let data = try run.loadData()
    let trainer = try Trainer(
      configuration: run, topology: try .read(), kernels: testKernels, training: data.training, test: data.test,
      initialWeights: nil)
    let directory = try RunDirectory(path: folder.file("run"), configuration: run, ledger: trainer.ledgerStart)
    let summary = try trainer.run(stop: StopFlag()) { try directory.record($0) }
    try directory.finish(weights: trainer.weights(), summary: summary, classNames: data.training.classNames)
    return try #require(trainer.ledgerStart)
  }

  private func verify() throws -> Bool {
    var generator = SystemRandomNumberGenerator()
    return try RunVerification(try RunEvidence(folder.file("run")), topology: try .read(), kernels: testKernels)
      .run(segments: nil, using: &generator).isAll
  }

  @Test("a run on any format is proven, and a changed pixel or label of its data is found", arguments: Format.allCases)
  func everyFormat(format: Format) throws {
    try write(format, pixels, labels)
    _ = try train(format)
    #expect(try verify())
    var (changed, others) = (pixels, labels)
    changed[5 * 3072 + 700] ^= 1
    others.swapAt(4, 5)
    for (pixels, labels) in [(changed, labels), (pixels, others)] {
      try write(format, pixels, labels)
      let error = #expect(throws: UserError.self) { try verify() }
      #expect(error?.subject == "data", "\(error?.message ?? "")")
    }
    try write(format, pixels, labels)
    #expect(try verify())
  }

  @Test("one archive and two files of the same arrays are the same data, and idx files are, too")
  func sameData() throws {
    let starts = try [Format.idx, .npz, .npy].map { format in
      try write(format, pixels, labels)
      return try train(format).data
    }
    #expect(starts[0] == starts[1] && starts[1] == starts[2])
  }
}
