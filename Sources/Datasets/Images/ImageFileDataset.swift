import Diagnostics
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
  /// - Parameters:
  ///   - place: where the pixels are kept.
  ///   - team: other processes that do the same, with which the work is shared.
  /// - Throws: `UserError`: `.systemRefused` if the pixels do not fit into memory, or `.cannotWrite` if not onto the device,
  ///   before a file is read; `.badData` about the damaged files, or if none is left; `.interrupted`.
  package static func folder(
    _ folder: ImageFolder, fit: ImageFit, damaged: DamagedFiles, place: DecodedPlace = .memory,
    decoding: ImageDecoding = ImageDecoding(), team: DecodingTeam? = nil
  ) throws(UserError) -> ImageDataset {
    let labels = folder.files.enumerated().flatMap { [Int32](repeating: Int32($0.offset), count: $0.element.count) }
    let files = folder.files.flatMap { $0.map { PathText.resolve($0, in: folder.path) } }
    guard !files.isEmpty else {
      _ = try team?.begin(.failed)
      throw UserError(.badData, folder.path, "holds no images")
    }
    return try decoded(
      files, labels: labels, subject: folder.path, classNames: folder.classNames, fit: fit, damaged: damaged,
      place: place, decoding: decoding,
      leftOut: folder.unclassified.map { name in
        UserError(.badData, PathText.resolve(name, in: folder.path), "is in no class's folder")
      }, team: team)
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

  private static func decoded(
    _ files: [String], labels: [Int32], subject: String, classNames: [String]?, fit: ImageFit, damaged: DamagedFiles,
    place: DecodedPlace = .memory, decoding: ImageDecoding = ImageDecoding(), leftOut: [UserError] = [],
    team: DecodingTeam? = nil
  ) throws(UserError) -> ImageDataset {
    let folder = place.folder(bytes: files.count * fit.byteCount, available: AvailableMemory.read())
    let file = folder.map {
      DecodedFile(folder: $0, files: files, form: "\(fit)", byteCount: files.count * fit.byteCount)
    }
    if let file, let pixels = file.found() {
      if let team {
        let missing = try team.begin(.hasPixels)
        if missing.contains(true) {
          _ = try team.union([])
          try team.share(pixels.elements, images: files.count, bytesPerImage: fit.byteCount, missing: missing)
        }
      }
      let buffer = try PageBuffer<Int32>(count: files.count, for: subject)
      _ = buffer.elements.update(fromContentsOf: labels)
      return ImageDataset(
        height: fit.height, width: fit.width, channels: fit.channels, classCount: classNames?.count ?? 1,
        pixels: .bytes(pixels), labels: buffer, classNames: classNames, files: files, leftOut: leftOut,
        mapped: MappedFile(file: file.path, origin: .found))
    }
    let filling: DecodedPixels<UInt8>?
    let pixels: PageBuffer<UInt8>
    do throws(UserError) {
      filling = try file?.create()
      if let filling { pixels = filling.buffer } else { pixels = try buffer(files.count, fit, subject) }
    } catch {
      _ = try team?.begin(.failed)
      throw error
    }
    let labelBuffer = try PageBuffer<Int32>(count: files.count, for: subject)
    let missing = try team?.begin(.lacksPixels)
    var (failures, threads) = try decoding.decode(
      files, team?.part(of: files.count) ?? 0..<files.count, fit: fit, into: pixels, subject: subject)
    if let team, let missing {
      // What others found to be damaged is looked at here, too: for what is wrong with it.
      let others = Set(try team.union(failures.map(\.index))).subtracting(failures.map(\.index))
      try team.share(pixels.elements, images: files.count, bytesPerImage: fit.byteCount, missing: missing)
      for index in others {
        failures += try decoding.decode(files, index..<index + 1, fit: fit, into: pixels, subject: subject).failures
      }
      failures.sort { $0.index < $1.index }
    }
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
      leftOut: leftOut + failures.map(\.error), mapped: file.map { MappedFile(file: $0.path, origin: .made) },
      readerThreads: threads)
  }

  /// Memory for pixels.
  private static func buffer(_ count: Int, _ fit: ImageFit, _ subject: String) throws(UserError) -> PageBuffer<UInt8> {
    do throws(UserError) {
      return try PageBuffer<UInt8>(shape: [count, fit.height, fit.width, fit.channels], for: subject)
    } catch {
      throw UserError(
        error.category, error.subject, error.message,
        hint:
          "sets of images are decoded into memory: take fewer images, a smaller model.input, or data.cache: \"disk\"")
    }
  }
}
