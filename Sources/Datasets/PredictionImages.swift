import Diagnostics
import Storage

extension ImageDataset {
  /// Images without labels from whatever the user has: a folder of image files, image files, a NumPy array, or an IDX file.
  ///
  /// What a file is follows from its content. Folders stand for all files below them, in the order of their names' bytes. An
  /// archive of NumPy arrays must hold one array of images, or its name follows a colon: `file.npz:x_test`.
  /// - Throws: `UserError`: `.usage` for several paths that are not all image files or folders; else as the readers of each
  ///   format.
  package static func images(
    at paths: [String], fit: ImageFit, damaged: DamagedFiles
  ) throws(UserError) -> ImageDataset {
    var files: [String] = []
    for path in paths {
      if try FolderHandle.open(path) != nil {
        files += try FolderTree(path: path).allFiles().map { PathText.resolve($0, in: path) }
      } else if try isImageFile(path) {
        files.append(path)
      } else if paths.count == 1 {
        return try images(container: path)
      } else {
        throw UserError(
          .usage, path, "is one of \(paths.count) paths; allowed then: image files (PNG, JPEG) and folders of them")
      }
    }
    return try images(
      files: files, subject: paths.count == 1 ? paths[0] : "images", fit: fit, damaged: damaged)
  }

  private static func isImageFile(_ path: String) throws(UserError) -> Bool {
    guard try archivePlace(path) == nil else { return false }
    let start = try start(of: path)
    return start.starts(with: PNGImage.signature) || start.starts(with: [0xFF, 0xD8, 0xFF])
  }

  /// Images from a file of many.
  private static func images(container path: String) throws(UserError) -> ImageDataset {
    if let place = try archivePlace(path) { return try images(array: place) }
    let start = try start(of: path)
    if start.starts(with: Array("PK".utf8)) { return try onlyImages(npz: path) }
    if start.starts(with: [0x93] + Array("NUMPY".utf8)) { return try images(array: .npy(path)) }
    return try images(idx: path)
  }

  /// An archive and a name in it from `file.npz:name`, where no file is called so.
  private static func archivePlace(_ path: String) throws(UserError) -> ArrayPlace? {
    guard let colon = path.lastIndex(of: ":"), try !FilePlace(path: path).exists() else { return nil }
    return .npz(file: String(path[..<colon]), name: String(path[path.index(after: colon)...]))
  }

  private static func start(of path: String) throws(UserError) -> [UInt8] {
    let input = try ByteInput(path: path)
    return try input.read(min(8, input.length))
  }
}
