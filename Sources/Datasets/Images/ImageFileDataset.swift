import Diagnostics
import Dispatch
import Machine
import Storage

extension ImageDataset {
  /// What becomes of files that are no whole images.
  package enum DamagedFiles: Sendable {
    /// An error that lists all of them.
    case fail
    /// They are left out; `leftOut` lists all of them.
    case skip
  }

  /// The images of a folder of classes, decoded once by several threads; pixels and order do not depend on their number.
  ///
  /// - Parameter place: where the pixels are kept.
  /// - Throws: `UserError`: `.systemRefused` if the pixels do not fit into memory, or `.cannotWrite` if not onto the device,
  ///   before a file is read; `.badData` about the damaged files, or if none is left.
  package static func folder(
    _ folder: ImageFolder, fit: ImageFit, damaged: DamagedFiles, place: DecodedPlace = .memory
  ) throws(UserError) -> ImageDataset {
    let labels = folder.files.enumerated().flatMap { [Int32](repeating: Int32($0.offset), count: $0.element.count) }
    let files = folder.files.flatMap { $0.map { PathText.resolve($0, in: folder.path) } }
    guard !files.isEmpty else { throw UserError(.badData, folder.path, "holds no images") }
    return try decoded(
      files, labels: labels, subject: folder.path, classNames: folder.classNames, fit: fit, damaged: damaged,
      place: place,
      leftOut: folder.unclassified.map { name in
        UserError(.badData, PathText.resolve(name, in: folder.path), "is in no class's folder")
      })
  }

  /// Image files without labels, for prediction: every label is 0 and there is one class.
  ///
  /// - Parameter subject: what errors call all of them.
  package static func images(
    files: [String], subject: String, fit: ImageFit, damaged: DamagedFiles
  ) throws(UserError) -> ImageDataset {
    guard !files.isEmpty else { throw UserError(.badData, subject, "holds no images") }
    return try decoded(
      files, labels: [Int32](repeating: 0, count: files.count), subject: subject, classNames: nil, fit: fit,
      damaged: damaged)
  }

  /// Bytes of pixels that are worth another thread.
  private static let bytesPerPart = 1 << 18

  private static func decoded(
    _ files: [String], labels: [Int32], subject: String, classNames: [String]?, fit: ImageFit, damaged: DamagedFiles,
    place: DecodedPlace = .memory, leftOut: [UserError] = []
  ) throws(UserError) -> ImageDataset {
    let folder = place.folder(bytes: files.count * fit.byteCount, available: AvailableMemory.read())
    let file = folder.map { DecodedFile(folder: $0, files: files, fit: fit) }
    if let file, let pixels = file.found() {
      let buffer = try PageBuffer<Int32>(count: files.count, for: subject)
      _ = buffer.elements.update(fromContentsOf: labels)
      return ImageDataset(
        height: fit.height, width: fit.width, channels: fit.channels, classCount: classNames?.count ?? 1,
        pixels: .bytes(pixels), labels: buffer, classNames: classNames, files: files, leftOut: leftOut,
        decoded: (file.path, isFound: true))
    }
    let filling = try file?.create()
    let pixels: PageBuffer<UInt8>
    do throws(UserError) {
      if let filling {
        pixels = filling.buffer
      } else {
        pixels = try PageBuffer<UInt8>(shape: [files.count, fit.height, fit.width, fit.channels], for: subject)
      }
    } catch {
      throw UserError(
        error.category, error.subject, error.message,
        hint:
          "sets of images are decoded into memory: take fewer images, a smaller model.input, or data.cache: \"disk\"")
    }
    let labelBuffer = try PageBuffer<Int32>(count: files.count, for: subject)
    let failures = decode(files, fit: fit, into: pixels)
    if let first = failures.first(where: { $0.error.category == .systemRefused }) { throw first.error }
    switch damaged {
    case _ where failures.isEmpty: break
    case .fail:
      guard failures.count > 1 else { throw failures[0].error }
      throw UserError(
        .badData, subject, "\(failures.count) of \(files.count) files are no images that can be used",
        parts: failures.map(\.error),
        hint: "data.on_error: \"skip\" leaves them out")
    case .skip:
      guard failures.count < files.count else {
        throw UserError(
          .badData, subject, "none of its \(files.count) files is an image that can be used",
          parts: failures.map(\.error))
      }
    }
    let isDamaged = Set(failures.map(\.index))
    var kept: [String] = []
    let bytes = pixels.elements
    for index in files.indices where !isDamaged.contains(index) {
      let place = kept.count
      labelBuffer.elements[place] = labels[index]
      if place != index {
        let (to, from) = (place * fit.byteCount, index * fit.byteCount)
        for k in 0..<fit.byteCount { bytes[to + k] = bytes[from + k] }
      }
      kept.append(files[index])
    }
    // A file that lacks some of its images is for this run alone: what is wrong with them must be found again.
    if let file, let filling, failures.isEmpty { _ = try file.keep(filling) }
    pixels.shorten(to: kept.count * fit.byteCount)
    labelBuffer.shorten(to: kept.count)
    return ImageDataset(
      height: fit.height, width: fit.width, channels: fit.channels, classCount: classNames?.count ?? 1,
      pixels: .bytes(pixels), labels: labelBuffer, classNames: classNames, files: kept,
      leftOut: leftOut + failures.map(\.error), decoded: file.map { ($0.path, isFound: false) })
  }

  /// Decodes every file into its place, by as many threads as there are processors; returns what failed, in order.
  private static func decode(
    _ files: [String], fit: ImageFit, into pixels: PageBuffer<UInt8>
  ) -> [(index: Int, error: UserError)] {
    let parts = max(1, min(files.count, max(files.count / 64, files.count * fit.byteCount / bytesPerPart)))
    let failures: UnsafeMutableBufferPointer<[(index: Int, error: UserError)]> = .allocate(capacity: parts)
    failures.initialize(repeating: [])
    defer {
      failures.deinitialize()
      failures.deallocate()
    }
    // Each part writes pixels and failures of its own.
    nonisolated(unsafe) let (target, failed) = (pixels.elements, failures)
    let decodePart: @Sendable (Int) -> Void = { part in
      let range = files.count * part / parts..<files.count * (part + 1) / parts
      do throws(UserError) {
        let reader = try ImageFileReader()
        for index in range {
          do throws(UserError) {
            let image = try fit.apply(to: try reader.raster(path: files[index]), name: files[index])
            let start = index * fit.byteCount
            for k in 0..<fit.byteCount { target[start + k] = image.pixels[k] }
          } catch { failed[part].append((index, error)) }
        }
      } catch { failed[part].append((range.lowerBound, error)) }
    }
    // Dispatch would wait forever for a thread that cannot be created.
    if parts > 1, ThreadSupply.allows(min(parts, ThreadSupply.processors) - 1) {
      DispatchQueue.concurrentPerform(iterations: parts, execute: decodePart)
    } else {
      for part in 0..<parts { decodePart(part) }
    }
    return failures.flatMap { $0 }
  }
}
