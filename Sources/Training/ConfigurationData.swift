import Configuration
import Datasets
import Diagnostics
import Storage

/// How data sets are loaded, besides what their configuration says.
package struct DataLoading: Sendable {
  /// The folder for images where `data.cache` maps them from a file; `nil`: memory.
  package var cache: String?
  /// Its `threads` are the configuration's.
  package var decoding: ImageDecoding
  /// Other processes that load the same: each decodes a part of the images, and every one calls `loadData`.
  package var team: DecodingTeam?

  package init(cache: String? = nil, decoding: ImageDecoding = ImageDecoding(), team: DecodingTeam? = nil) {
    self.cache = cache
    self.decoding = decoding
    self.team = team
  }
}

extension RunConfiguration {
  /// The training and test sets that the configuration names; the test set is `nil` where it names none.
  ///
  /// - Throws: `UserError`: `.inputMissing` and `.badData` about a file, `.systemRefused` if there is not enough memory,
  ///   `.cannotWrite` about a file in the folder for images, `.interrupted`.
  package func loadData(_ loading: DataLoading = DataLoading()) throws(UserError) -> (
    training: ImageDataset, test: ImageDataset?
  ) {
    guard case .imageFolder(let folders) = data.source else {
      return (try loadTrainingData(loading), try loadTestData(loading: loading))
    }
    // All folders are listed before any image is decoded: what is missing stops a run, and every rank of a job, at once.
    let (training, drawn, test) = try together(loading.team) { () throws(UserError) in
      let (rest, drawn) = try trainingFolder(folders).split(share: folders.validationSplit)
      let test = try folders.test.map { path throws(UserError) in try testFolder(path, rest.classNames) }
      return (rest, drawn.files.allSatisfy(\.isEmpty) ? nil : drawn, test)
    }
    let drawnImages = try drawn.map { folder throws(UserError) in try images(folder, folders, loading) }
    let trainingImages = try images(training, folders, loading)
    return (
      trainingImages, try test.map { folder throws(UserError) in try images(folder, folders, loading) } ?? drawnImages
    )
  }

  /// What `body` returns, of a team once it has on all.
  private func together<Value>(
    _ team: DecodingTeam?, _ body: () throws(UserError) -> Value
  ) throws(UserError) -> Value {
    if let team { try team.agree(body) } else { try body() }
  }

  /// The training set alone.
  package func loadTrainingData(_ loading: DataLoading = DataLoading()) throws(UserError) -> ImageDataset {
    switch data.source {
    case .embeddedDigits: try ImageDataset.embeddedDigits().train
    case .idx(let train, _): try idx(train, key: "data.train", loading)
    case .synthetic(let examples, _, let classes): try synthetic(examples, classes: classes, split: .train)
    case .cifar(let version, let train, _): try cifar(version, train, .train, key: "data.train", loading)
    case .arrays(let train, _): try arrays(train, key: "data.train", loading)
    case .imageFolder(let folders):
      try images(try trainingFolder(folders).split(share: folders.validationSplit).rest, folders, loading)
    }
  }

  /// The test set alone, `nil` where the configuration names none.
  ///
  /// - Parameter names: what the classes of a folder of images are called, by their numbers; `nil`: as in the training
  ///   folder, which must then be there.
  package func loadTestData(
    classNames names: [String]? = nil, loading: DataLoading = DataLoading()
  ) throws(UserError) -> ImageDataset? {
    switch data.source {
    case .embeddedDigits: return try ImageDataset.embeddedDigits().test
    case .idx(_, let test):
      guard let test else { return nil }
      return try idx(test, key: "data.test", loading)
    case .synthetic(_, let examples, let classes):
      return examples == 0 ? nil : try synthetic(examples, classes: classes, split: .test)
    case .cifar(let version, _, let test):
      return test.isEmpty ? nil : try cifar(version, test, .test, key: "data.test", loading)
    case .arrays(_, let test):
      guard let test else { return nil }
      return try arrays(test, key: "data.test", loading)
    case .imageFolder(let folders):
      if let test = folders.test {
        var known = names
        if known == nil { known = try trainingFolder(folders).classNames }
        return try images(try testFolder(test, known), folders, loading)
      }
      let training = try trainingFolder(folders)
      let drawn = training.split(share: folders.validationSplit).drawn
      return drawn.files.allSatisfy(\.isEmpty) ? nil : try images(drawn, folders, loading)
    }
  }

  private func idx(
    _ paths: DataConfiguration.IDXPaths, key: String, _ loading: DataLoading
  ) throws(UserError) -> ImageDataset {
    try naming([(paths.images, "\(key).images"), (paths.labels, "\(key).labels")]) { () throws(UserError) in
      try ImageDataset.idx(images: paths.images, labels: paths.labels, place: place(loading))
    }
  }

  /// The files, or those of the split in the folder, if one is named.
  private func cifar(
    _ version: DataConfiguration.CIFARVersion, _ paths: [String], _ split: ImageDataset.Split, key: String,
    _ loading: DataLoading
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
    return try naming(files.map { ($0, key) }) { () throws(UserError) in
      try ImageDataset.cifar(format, files: files, place: place(loading))
    }
  }

  private func arrays(
    _ places: DataConfiguration.ArrayPlaces, key: String, _ loading: DataLoading
  ) throws(UserError) -> ImageDataset {
    func array(_ name: String) -> ImageDataset.ArrayPlace {
      places.file.map { .npz(file: $0, name: name) } ?? .npy(name)
    }
    let files =
      places.file.map { [($0, "\(key).file")] }
      ?? [(places.images, "\(key).images"), (places.labels, "\(key).labels")]
    return try naming(files) { () throws(UserError) in
      try ImageDataset.arrays(
        images: array(places.images), labels: array(places.labels), place: place(loading))
    }
  }

  private func trainingFolder(_ folders: DataConfiguration.ImageFolders) throws(UserError) -> ImageFolder {
    try naming([(folders.train, "data.train")]) { () throws(UserError) in
      let folder = try ImageFolder(path: folders.train)
      try folder.requireEveryClass()
      return folder
    }
  }

  /// - Parameter names: what the classes are called.
  private func testFolder(_ path: String, _ names: [String]?) throws(UserError) -> ImageFolder {
    try naming([(path, "data.test")]) { () throws(UserError) in try ImageFolder(path: path, classNames: names) }
  }

  private func images(
    _ folder: ImageFolder, _ folders: DataConfiguration.ImageFolders, _ loading: DataLoading
  ) throws(UserError) -> ImageDataset {
    var decoding = loading.decoding
    decoding.threads = folders.readerThreads
    return try together(loading.team) { () throws(UserError) in
      try ImageDataset.folder(
        folder, fit: imageFit, damaged: folders.onError == .skip ? .skip : .fail, place: place(loading),
        decoding: decoding, team: loading.team)
    }
  }

  private func place(_ loading: DataLoading) -> DecodedPlace {
    switch (data.cache, loading.cache) {
    case (.memory, _), (_, nil): .memory
    case (.disk, let folder?): .file(folder: folder)
    case (.auto, let folder?): .auto(folder: folder)
    }
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
