import Diagnostics
import Storage

extension ImageDataset {
  /// Where an array is: a file of its own, or under a name in an archive (.npz).
  package enum ArrayPlace: Hashable, Sendable {
    case npy(String)
    case npz(file: String, name: String)

    var file: String {
      switch self {
      case .npy(let path): path
      case .npz(let file, _): file
      }
    }
  }

  /// Images and labels from NumPy arrays.
  ///
  /// Images are [n, h, w] (one channel) or [n, h, w, c], bytes or finite 32-bit floats; labels are n integers from 0 on, whose
  /// largest gives the number of classes, unless an archive names them in an array `class_names`. Throws `.inputMissing` for files that cannot be opened and `.badData` with file, array
  /// and both values for everything else; shapes are compared with the file before memory is taken.
  ///
  /// - Parameter place: where the pixels are kept.
  package static func arrays(
    images: ArrayPlace, labels: ArrayPlace, place: DecodedPlace = .memory
  ) throws(UserError) -> ImageDataset {
    var classNames: [String]?
    if case .npz(let file, _) = images { classNames = try Self.classNames(npz: file) }
    return try arrays(classNames: classNames, place: place, file: images.file) { () throws(UserError) in
      try reader(images)
    } labels: { () throws(UserError) in
      try reader(labels)
    }
  }

  /// The same from two arrays of one archive, a file or memory.
  package static func arrays(npz input: ByteInput, images: String, labels: String) throws(UserError) -> ImageDataset {
    let classNames = try NPZClassNames.read(try ZIPArchive(input))
    return try arrays(classNames: classNames, place: .memory, file: input.name) { () throws(UserError) in
      try reader(input, images)
    } labels: { () throws(UserError) in
      try reader(input, labels)
    }
  }

  private static func arrays(
    classNames: [String]?, place: DecodedPlace, file: String, _ images: () throws(UserError) -> NPYReader,
    labels: () throws(UserError) -> NPYReader
  ) throws(UserError) -> ImageDataset {
    // One after the other: both may be in one input.
    let labelReader = try labels()
    let count = labelReader.shape.first ?? 0
    let (buffer, largest) = try labelReader.readLabels()
    let imageReader = try images()
    guard imageReader.shape.first == count else {
      throw UserError(
        .badData, labelReader.name,
        "has the shape \(labelReader.shape), but the images \(imageReader.name) have \(imageReader.shape)",
        hint: "both must have the same count")
    }
    guard largest < classNames?.count ?? Int.max else {
      throw UserError(
        .badData, labelReader.name,
        "has the label \(largest), but \(NPZClassNames.name) has \(classNames?.count ?? 0) names",
        hint: "there must be a name for every class")
    }
    return try dataset(
      imageReader, labels: buffer, classCount: classNames?.count ?? largest + 1, classNames: classNames, place: place,
      file: file)
  }

  /// Images without labels, for prediction: every label is 0 and there is one class.
  package static func images(array: ArrayPlace) throws(UserError) -> ImageDataset {
    let reader = try reader(array)
    let labels = try PageBuffer<Int32>(count: max(1, reader.shape.first ?? 1), for: reader.name)
    return try dataset(reader, labels: labels, classCount: 1, place: .memory, file: array.file)
  }

  /// The one array of an archive with pixels, for prediction from files that hold nothing else of that rank.
  package static func onlyImages(npz path: String) throws(UserError) -> ImageDataset {
    let archive = try ZIPArchive(try ByteInput(path: path))
    var found: [String] = []
    for entry in archive.entries where entry.name.hasSuffix(".npy") {
      let reader = try NPYReader(try archive.open(entry))
      if reader.shape.count >= 3 { found.append(String(entry.name.dropLast(4))) }
    }
    guard found.count == 1 else {
      throw UserError(
        .badData, path,
        found.isEmpty
          ? "holds no array of images, with 3 or 4 dimensions"
          : "holds \(found.count) arrays that may be images: "
            + found.joined(separator: ", "),
        hint: found.isEmpty ? nil : "name one, as \(path):\(found[0])")
    }
    return try images(array: .npz(file: path, name: found[0]))
  }

  private static func reader(_ place: ArrayPlace) throws(UserError) -> NPYReader {
    switch place {
    case .npy(let path): try NPYReader(try ContentReader(try ByteInput(path: path)))
    case .npz(let file, let name): try reader(try ByteInput(path: file), name)
    }
  }

  private static func reader(_ input: ByteInput, _ name: String) throws(UserError) -> NPYReader {
    let archive = try ZIPArchive(input)
    guard let entry = archive.entries.first(where: { $0.name == name + ".npy" }) else {
      let names = archive.entries.map { $0.name.hasSuffix(".npy") ? String($0.name.dropLast(4)) : $0.name }
      throw UserError(
        .badData, input.name, "holds no array \(name); found: \(names.prefix(20).joined(separator: ", "))",
        hint: NearestName.suggestion(for: name, among: names).map { "the nearest is \($0)" })
    }
    return try NPYReader(try archive.open(entry))
  }

  private static func dataset(
    _ images: NPYReader, labels: PageBuffer<Int32>, classCount: Int, classNames: [String]? = nil, place: DecodedPlace,
    file: String
  ) throws(UserError) -> ImageDataset {
    guard images.shape.count == 3 || images.shape.count == 4 else {
      throw UserError(
        .badData, images.name,
        "has the shape \(images.shape); allowed: [count, height, width] or [count, height, width, channels]")
    }
    let (pixels, mapped) = try images.readImages(place, file: file)
    return ImageDataset(
      height: images.shape[1], width: images.shape[2], channels: images.shape.count == 4 ? images.shape[3] : 1,
      classCount: classCount, pixels: pixels, labels: labels, classNames: classNames, mapped: mapped)
  }
}
