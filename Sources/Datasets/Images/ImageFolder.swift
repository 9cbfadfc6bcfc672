import Diagnostics
import Randomness
import Storage

/// The image files of a folder with a folder for each class, as they are listed; nothing of them is read yet.
///
/// ```
/// train/cat/001.jpg      class 0
/// train/cat/more/2.png   class 0: folders inside a class's are part of it
/// train/dog/001.jpg      class 1
/// ```
/// Classes and files are in the order of their names' bytes.
package struct ImageFolder: Sendable {
  package var path: String
  package var classNames: [String]
  /// Each class's files, paths relative to `path`.
  package var files: [[String]]
  /// Files beside the class folders, which belong to no class.
  package var unclassified: [String]

  /// Lists the folder at `path`.
  ///
  /// - Parameter names: the classes there are, by their numbers, as a training set's; `nil`: those of this folder.
  /// - Throws: `UserError`: `.inputMissing` if a folder cannot be listed; `.badData` where there is no class, where a class
  ///   is not among `names`, and where a link leads back to a folder above it.
  package init(path: String, classNames names: [String]? = nil) throws(UserError) {
    self.path = path
    let tree = try FolderTree(path: path)
    unclassified = tree.files
    guard !tree.folders.isEmpty else {
      throw UserError(
        .badData, path, "holds no class folders",
        hint: tree.files.isEmpty ? nil : "move the images of each class into a folder of the class's name")
    }
    classNames = names ?? tree.folders
    // By bytes: to Swift, two names that look alike may be equal.
    let numbers = Dictionary(
      classNames.enumerated().map { (Array($0.element.utf8), $0.offset) }, uniquingKeysWith: { first, _ in first })
    files = [[String]](repeating: [], count: classNames.count)
    for name in tree.folders {
      guard let number = numbers[Array(name.utf8)] else {
        throw UserError(
          .badData, PathText.resolve(name, in: path), "is the folder of a class that the training set does not have",
          hint: NearestName.suggestion(for: name, among: Array(classNames.prefix(1000))).map { "the nearest is \($0)" })
      }
      files[number] = try tree.folder(name).allFiles().map { "\(name)/\($0)" }
    }
  }

  /// Throws `.badData` about the first class without a file.
  package func requireEveryClass() throws(UserError) {
    guard let number = files.firstIndex(where: \.isEmpty) else { return }
    throw UserError(
      .badData, PathText.resolve(classNames[number], in: path), "is a class folder without images",
      hint: "remove it, or add images")
  }

  /// About `count` files, evenly spread over the whole list; all of them if there are no more.
  package func sample(_ count: Int) -> ImageFolder {
    let total = files.reduce(0) { $0 + $1.count }
    guard total > count else { return self }
    var (sample, place) = (self, 0)
    for number in files.indices {
      // File i is taken where i · count / total reaches another whole number.
      sample.files[number] = files[number].enumerated().filter { (place + $0.offset) * count % total < count }.map(
        \.element)
      place += files[number].count
    }
    return sample
  }

  /// The folder in two: of the n files of each class, ⌊share·n + ½⌋ are drawn for the second part.
  ///
  /// The draw depends on the order of the files alone, not on the run's seed, so that runs with other seeds are compared on
  /// the same images: file i has element i of the stream (0, validationSplit, class), and the smallest are taken.
  package func split(share: Double) -> (rest: ImageFolder, drawn: ImageFolder) {
    var (rest, drawn) = (self, self)
    for number in files.indices {
      let list = files[number]
      let stream = RandomStream(seed: 0, purpose: .validationSplit, stream: UInt32(truncatingIfNeeded: number))
      let count = Int((share * Double(list.count) + 0.5).rounded(.down))
      let order = list.indices.map { (key: stream.uniform(UInt64($0)), index: $0) }.sorted { $0 < $1 }
      let taken = Set(order.prefix(count).map(\.index))
      rest.files[number] = list.indices.filter { !taken.contains($0) }.map { list[$0] }
      drawn.files[number] = list.indices.filter { taken.contains($0) }.map { list[$0] }
    }
    return (rest, drawn)
  }
}
