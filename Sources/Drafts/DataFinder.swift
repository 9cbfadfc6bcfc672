import Configuration
import Datasets
import Diagnostics
import Storage

/// Says what data lies at a path, by the names of files and how they begin; the readers of each format check the rest.
///
/// ```
/// photos/cat/1.jpg, photos/dog/1.png             image_folder, classes
/// photos/train/cat/1.jpg, photos/val/cat/2.jpg   image_folder with a test set
/// mnist/train-images-idx3-ubyte.gz, …            idx
/// cifar-10-batches-bin/data_batch_1.bin, …       cifar10
/// arrays.npz, or x_train.npy and y_train.npy     npz
/// ```
package enum DataFinder {
  /// The data at `path`, with paths that begin with it.
  ///
  /// - Throws: `UserError`: `.inputMissing`; `.badData` where nothing is there that a format here knows.
  package static func source(at path: String) throws(UserError) -> DataConfiguration.Source {
    guard try FolderHandle.open(path) != nil else { return try file(path) }
    if let source = try source(in: FolderTree(path: path), isStrict: false) { return source }
    throw UserError(
      .badData, path, "holds no data that is known here",
      hint:
        "allowed: a folder of PNG and JPEG images for each of two classes or more, in train and val or test or without "
        + "them; one .npz file, or x_train.npy and y_train.npy; IDX files named as MNIST's; CIFAR's binary files")
  }

  /// The data in a folder that need not hold any; `nil` where it does not.
  package static func source(inFolder path: String) throws(UserError) -> DataConfiguration.Source? {
    guard try FolderHandle.open(path) != nil else { return nil }
    return try source(in: FolderTree(path: path), isStrict: true)
  }

  /// - Parameter isStrict: whether every folder beside those of classes must be one.
  private static func source(in tree: FolderTree, isStrict: Bool) throws(UserError) -> DataConfiguration.Source? {
    if let source = cifar(tree) { return source }
    if let source = idx(tree) { return source }
    if let source = try arrays(tree) { return source }
    if let source = try images(tree, isStrict: isStrict) { return source }
    guard tree.files.isEmpty, tree.folders.count == 1 else { return nil }
    return try source(in: tree.folder(tree.folders[0]), isStrict: isStrict)
  }

  // MARK: CIFAR and IDX

  private static func cifar(_ tree: FolderTree) -> DataConfiguration.Source? {
    for (version, format) in [(DataConfiguration.CIFARVersion.cifar10, CIFAR.cifar10), (.cifar100, .cifar100)] {
      guard format.fileNames(.train).allSatisfy(tree.files.contains) else { continue }
      let hasTest = format.fileNames(.test).allSatisfy(tree.files.contains)
      return .cifar(version, train: [tree.path], test: hasTest ? [tree.path] : [])
    }
    return nil
  }

  /// The names of a pair of IDX files of one set: `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`.
  private static func labels(ofImages name: String) -> String? {
    guard let range = name.firstRange(of: "images") else { return nil }
    let labels = name.replacingCharacters(in: range, with: "labels")
    return labels.firstRange(of: "idx3").map { labels.replacingCharacters(in: $0, with: "idx1") } ?? labels
  }

  private static func idx(_ tree: FolderTree) -> DataConfiguration.Source? {
    let pairs: [(images: String, labels: String)] = tree.files.compactMap { name in
      guard name.contains("idx") || name.contains("ubyte"), let labels = labels(ofImages: name) else { return nil }
      return tree.files.contains(labels) ? (name, labels) : nil
    }
    func isTest(_ name: String) -> Bool { ["t10k", "test", "val"].contains { name.contains($0) } }
    func paths(_ pair: (images: String, labels: String)) -> DataConfiguration.IDXPaths {
      .init(images: PathText.resolve(pair.images, in: tree.path), labels: PathText.resolve(pair.labels, in: tree.path))
    }
    guard let train = pairs.first(where: { !isTest($0.images) }) ?? pairs.first else { return nil }
    let test = pairs.first { isTest($0.images) && $0 != train }
    return .idx(train: paths(train), test: test.map(paths))
  }

  // MARK: Arrays

  private static func arrays(_ tree: FolderTree) throws(UserError) -> DataConfiguration.Source? {
    let archives = tree.files.filter { $0.hasSuffix(".npz") }
    if archives.count == 1 { return try archive(PathText.resolve(archives[0], in: tree.path)) }
    let names = tree.files.filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
    guard let pairs = ArrayPairs(names) else { return nil }
    return pairs.source(file: nil) { PathText.resolve($0 + ".npy", in: tree.path) }
  }

  private static func archive(_ path: String) throws(UserError) -> DataConfiguration.Source {
    let arrays = try ImageDataset.arrayShapes(npz: path)
    if let pairs = ArrayPairs(arrays.map(\.name)) { return pairs.source(file: path) { $0 } }
    let list = arrays.map { "\($0.name) \($0.shape)" }.joined(separator: ", ")
    throw UserError(
      .badData, path,
      "holds \(list.isEmpty ? "no arrays of numbers" : list); allowed: images x_train and labels y_train",
      hint: "names such as train_images and train_labels, or images and labels, are known, too")
  }

  // MARK: Folders of images

  private static func images(_ tree: FolderTree, isStrict: Bool) throws(UserError) -> DataConfiguration.Source? {
    var folders = DataConfiguration.ImageFolders()
    func folder(_ names: [String]) -> String? {
      names.lazy.compactMap { name in tree.folders.first { $0.lowercased() == name } }.first
    }
    if let train = folder(["train", "training"]), try !classFolders(tree.folder(train)).isEmpty {
      folders.train = PathText.resolve(train, in: tree.path)
      folders.test = folder(["val", "valid", "validation", "test", "testing"]).map {
        PathText.resolve($0, in: tree.path)
      }
      return .imageFolder(folders)
    }
    let classes = try classFolders(tree)
    guard classes.count >= 2, !isStrict || classes.count == tree.folders.count else { return nil }
    folders.train = tree.path
    return .imageFolder(folders)
  }

  /// How many files of a folder are looked at before it is said to hold no images.
  private static let filesLookedAt = 16

  /// The names of the folders that hold images, directly or in folders of theirs.
  private static func classFolders(_ tree: FolderTree) throws(UserError) -> [String] {
    var found: [String] = []
    for name in tree.folders where try holdsImages(tree.folder(name)) { found.append(name) }
    return found
  }

  private static func holdsImages(_ tree: FolderTree) throws(UserError) -> Bool {
    if tree.files.prefix(filesLookedAt).contains(where: {
      ImageFileReader.isImage(path: PathText.resolve($0, in: tree.path))
    }) {
      return true
    }
    guard let first = tree.folders.first else { return false }
    return try holdsImages(tree.folder(first))
  }

  // MARK: Files

  private static func file(_ path: String) throws(UserError) -> DataConfiguration.Source {
    let input = try ByteInput(path: path)
    let start = try input.read(min(8, input.length))
    let (folder, name) = (PathText.folder(of: path), PathText.names(in: path).last ?? path)
    if start.starts(with: Array("PK".utf8)) { return try archive(path) }
    if start.starts(with: [0x93] + Array("NUMPY".utf8)) {
      throw UserError(
        .badData, path, "is one array; images and labels are needed",
        hint: "name the folder that holds x_train.npy and y_train.npy, or save both with numpy.savez")
    }
    if ImageFileReader.isImage(path: path) {
      throw UserError(.badData, path, "is one image", hint: "name a folder with a folder of images for each class")
    }
    if let labels = labels(ofImages: name) {
      let paths = DataConfiguration.IDXPaths(images: path, labels: sibling(labels, of: path))
      if case .idx(let train, let test)? = idx(try FolderTree(path: folder)),
        PathText.names(in: train.images).last == name
      {
        return .idx(train: paths, test: test)
      }
      return .idx(train: paths, test: nil)
    }
    for (version, recordBytes) in [(DataConfiguration.CIFARVersion.cifar10, 3073), (.cifar100, 3074)]
    where name.hasSuffix(".bin") && input.length > 0 && input.length % recordBytes == 0 {
      return .cifar(version, train: [path], test: [])
    }
    throw UserError(
      .badData, path, "is no data that is known here",
      hint:
        "allowed: a folder of images by class, a .npz file, the images of a pair of IDX files, or CIFAR's binary files")
  }

  private static func sibling(_ name: String, of path: String) -> String {
    let folder = PathText.folder(of: path)
    return folder == "." ? name : PathText.resolve(name, in: folder)
  }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
    String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
  }
}
