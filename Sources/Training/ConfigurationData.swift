import Configuration
import Datasets
import Diagnostics
import Storage

extension RunConfiguration {
  /// The training and test sets that the configuration names; the test set is `nil` where it names none.
  ///
  /// - Parameter cache: the folder for decoded images where `data.cache` puts them into a file; `nil`: memory.
  /// - Throws: `UserError`: `.inputMissing` and `.badData` about a file, `.systemRefused` if there is not enough memory,
  ///   `.cannotWrite` about a file in `cache`.
  package func loadData(cache: String? = nil) throws(UserError) -> (training: ImageDataset, test: ImageDataset?) {
    guard case .imageFolder(let folders) = data.source, folders.validationSplit > 0 else {
      return (try loadTrainingData(cache: cache), try loadTestData(cache: cache))
    }
    let (rest, drawn) = try trainingFolder(folders).split(share: folders.validationSplit)
    let test = drawn.files.allSatisfy(\.isEmpty) ? nil : try images(drawn, folders, cache)
    return (try images(rest, folders, cache), test)
  }

  /// The training set alone.
  package func loadTrainingData(cache: String? = nil) throws(UserError) -> ImageDataset {
    switch data.source {
    case .embeddedDigits: try ImageDataset.embeddedDigits().train
    case .idx(let train, _): try idx(train, key: "data.train")
    case .synthetic(let examples, _, let classes): try synthetic(examples, classes: classes, split: .train)
    case .cifar(let version, let train, _): try cifar(version, train, .train, key: "data.train")
    case .arrays(let train, _): try arrays(train, key: "data.train")
    case .imageFolder(let folders):
      try images(try trainingFolder(folders).split(share: folders.validationSplit).rest, folders, cache)
    }
  }

  /// The test set alone, `nil` where the configuration names none.
  ///
  /// - Parameter names: what the classes of a folder of images are called, by their numbers; `nil`: as in the training
  ///   folder, which must then be there.
  package func loadTestData(
    classNames names: [String]? = nil, cache: String? = nil
  ) throws(UserError) -> ImageDataset? {
    switch data.source {
    case .embeddedDigits: return try ImageDataset.embeddedDigits().test
    case .idx(_, let test):
      guard let test else { return nil }
      return try idx(test, key: "data.test")
    case .synthetic(_, let examples, let classes):
      return examples == 0 ? nil : try synthetic(examples, classes: classes, split: .test)
    case .cifar(let version, _, let test):
      return test.isEmpty ? nil : try cifar(version, test, .test, key: "data.test")
    case .arrays(_, let test):
      guard let test else { return nil }
      return try arrays(test, key: "data.test")
    case .imageFolder(let folders):
      if let test = folders.test {
        var known = names
        if known == nil { known = try trainingFolder(folders).classNames }
        return try naming([(test, "data.test")]) { () throws(UserError) in
          try images(try ImageFolder(path: test, classNames: known), folders, cache)
        }
      }
      let training = try trainingFolder(folders)
      let drawn = training.split(share: folders.validationSplit).drawn
      return drawn.files.allSatisfy(\.isEmpty) ? nil : try images(drawn, folders, cache)
    }
  }

  private func idx(_ paths: DataConfiguration.IDXPaths, key: String) throws(UserError) -> ImageDataset {
    try naming([(paths.images, "\(key).images"), (paths.labels, "\(key).labels")]) { () throws(UserError) in
      try ImageDataset.idx(images: paths.images, labels: paths.labels)
    }
  }

  /// The files, or those of the split in the folder, if one is named.
  private func cifar(
    _ version: DataConfiguration.CIFARVersion, _ paths: [String], _ split: ImageDataset.Split, key: String
  ) throws(UserError) -> ImageDataset {
    let format: CIFAR =
      switch version {
      case .cifar10: .cifar10
      case .cifar100: .cifar100
      }
    var files = paths
    if paths.count == 1, try FolderHandle.open(paths[0]) != nil {
      files = format.fileNames(split).map { PathText.resolve($0, in: paths[0]) }
    }
    return try naming(files.map { ($0, key) }) { () throws(UserError) in try ImageDataset.cifar(format, files: files) }
  }

  private func arrays(_ places: DataConfiguration.ArrayPlaces, key: String) throws(UserError) -> ImageDataset {
    func place(_ name: String) -> ImageDataset.ArrayPlace {
      places.file.map { .npz(file: $0, name: name) } ?? .npy(name)
    }
    let files =
      places.file.map { [($0, "\(key).file")] }
      ?? [(places.images, "\(key).images"), (places.labels, "\(key).labels")]
    return try naming(files) { () throws(UserError) in
      try ImageDataset.arrays(images: place(places.images), labels: place(places.labels))
    }
  }

  private func trainingFolder(_ folders: DataConfiguration.ImageFolders) throws(UserError) -> ImageFolder {
    try naming([(folders.train, "data.train")]) { () throws(UserError) in
      let folder = try ImageFolder(path: folders.train)
      try folder.requireEveryClass()
      return folder
    }
  }

  private func images(
    _ folder: ImageFolder, _ folders: DataConfiguration.ImageFolders, _ cache: String?
  ) throws(UserError) -> ImageDataset {
    let place: DecodedPlace =
      switch (folders.cache, cache) {
      case (.memory, _), (_, nil): .memory
      case (.disk, let cache?): .file(folder: cache)
      case (.auto, let cache?): .auto(folder: cache)
      }
    return try ImageDataset.folder(
      folder, fit: imageFit, damaged: folders.onError == .skip ? .skip : .fail, place: place)
  }

  /// How image files become examples of the network.
  package var imageFit: ImageFit {
    var fit = ImageFit(height: model.input.height, width: model.input.width, channels: model.input.channels)
    if case .imageFolder(let folders) = data.source {
      fit.shorterSide = folders.resize?.shorterSide
      fit.isCropped = folders.crop != nil
    }
    return fit
  }

  /// What `body` returns; an error about a missing file names the key that the file is at, and for MNIST's own names says
  /// where they come from.
  private func naming<Value>(
    _ keys: [(file: String, key: String)], _ body: () throws(UserError) -> Value
  ) throws(UserError) -> Value {
    do throws(UserError) {
      return try body()
    } catch {
      guard error.category == .inputMissing, let key = keys.first(where: { $0.file == error.subject })?.key else {
        throw error
      }
      throw UserError(
        .inputMissing, key, "\(error.subject) \(error.message)",
        hint: MNISTFiles.hint(missing: error.subject) ?? error.hint)
    }
  }

  /// What the data's format or training folder calls the classes; `nil` where neither says.
  package func classNames() -> [String]? {
    switch data.source {
    case .embeddedDigits, .idx, .synthetic: nil
    case .arrays(let train, _): train.file.flatMap { try? ImageDataset.classNames(npz: $0) }
    case .cifar(.cifar10, _, _): CIFAR.cifar10.classNames
    case .cifar(.cifar100, _, _): CIFAR.cifar100.classNames
    case .imageFolder(let folders): try? ImageFolder(path: folders.train).classNames
    }
  }

  private func synthetic(_ examples: Int, classes: Int, split: ImageDataset.Split) throws(UserError) -> ImageDataset {
    try ImageDataset.synthetic(
      examples: examples, height: model.input.height, width: model.input.width, channels: model.input.channels,
      classes: classes, seed: seed, split: split)
  }
}

/// The files of the MNIST database, as its authors name them.
private enum MNISTFiles {
  static let names: [String] = [
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
  ]

  /// Where the file comes from; `nil` if it has none of these names, with or without `.gz`.
  static func hint(missing path: String) -> String? {
    let name = PathText.names(in: path).last ?? ""
    let ending = name.hasSuffix(".gz") ? ".gz" : ""
    guard names.contains(String(name.dropLast(ending.count))) else { return nil }
    let files = names.dropLast().map { $0 + ending }.joined(separator: ", ")
    return "Lockstep downloads nothing; MNIST is \(files) and \(names[3])\(ending), published by Y. LeCun, C. Cortes "
      + "and C. Burges at http://yann.lecun.com/exdb/mnist and mirrored widely: put the four files into "
      + PathText.folder(of: path)
  }
}
