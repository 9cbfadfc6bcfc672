import ConfigurationKeys
import Diagnostics
import Storage

extension DataConfiguration.Source {
  /// Makes paths absolute, fills in names that follow from others, and notes those that are missing.
  mutating func finish(folder: String, _ mistakes: ConfigurationMistakes) {
    switch self {
    case .embeddedDigits, .synthetic: break
    case .idx(let train, let test): self = .idx(train: train.resolved(in: folder), test: test?.resolved(in: folder))
    case .cifar(let version, let train, let test):
      func resolved(_ paths: [String]) -> [String] { paths.map { PathText.resolve($0, in: folder) } }
      self = .cifar(version, train: resolved(train), test: resolved(test))
    case .arrays(let train, let test):
      self = .arrays(
        train: train.finished("train", in: folder, mistakes), test: test?.finished("test", in: folder, mistakes))
    case .imageFolder(var folders):
      folders.train = PathText.resolve(folders.train, in: folder)
      folders.test = folders.test.map { PathText.resolve($0, in: folder) }
      if folders.test != nil, folders.validationSplit > 0 {
        mistakes.add(
          UserError(
            .badConfiguration, "data.validation_split",
            "found \(folders.validationSplit) beside data.test; allowed: one of them"))
      }
      self = .imageFolder(folders)
    }
  }
}

extension DataConfiguration.IDXPaths {
  fileprivate func resolved(in folder: String) -> Self {
    Self(images: PathText.resolve(images, in: folder), labels: PathText.resolve(labels, in: folder))
  }
}

extension DataConfiguration.ArrayPlaces {
  fileprivate func finished(_ split: String, in folder: String, _ mistakes: ConfigurationMistakes) -> Self {
    if let file {
      return Self(
        file: PathText.resolve(file, in: folder), images: images.isEmpty ? "x_\(split)" : images,
        labels: labels.isEmpty ? "y_\(split)" : labels)
    }
    // What is wrong with the section itself is noted already.
    let isWhole = !mistakes.list.contains { $0.subject.hasPrefix("data.\(split)") }
    for (key, path) in [("images", images), ("labels", labels)] where isWhole && path.isEmpty {
      mistakes.add(
        UserError(
          .badConfiguration, "data.\(split).\(key)", "is missing; allowed: the path of a .npy file, or file beside it"))
    }
    return Self(
      file: nil, images: PathText.resolve(images, in: folder), labels: PathText.resolve(labels, in: folder))
  }
}
