import Configuration
import Datasets
import Diagnostics
import Network
import Storage
import Training

/// A configuration for data that somebody has: what was found and measured, and what follows from it.
package struct ConfigurationDraft: Sendable {
  package private(set) var name: String
  package let source: DataConfiguration.Source
  package private(set) var input = ImageShape(height: 1, width: 1, channels: 1)
  package private(set) var examples = 0
  /// `nil` without a test set.
  package private(set) var testExamples: Int?
  package private(set) var classes = 0
  package private(set) var classNames: [String]?
  package let preset: Preset
  /// Files that were looked at and cannot be used.
  package private(set) var damaged: [UserError] = []
  /// How large the images of a folder are.
  private(set) var sizeText: String?
  private(set) var statistics: (scale: Double, mean: [Double], std: [Double]) = (1, [], [])
  /// Images that mean and deviation come from.
  private(set) var measured = 0
  private(set) var isBytes = true

  /// Files of a folder of images that are looked at, and decoded.
  private static let sampleSize = 4096

  /// - Parameters:
  ///   - source: as `DataFinder` finds it.
  ///   - name: of the run.
  ///   - preset: the net; `nil` for one that fits the images.
  /// - Throws: `UserError`: as the readers of the data; `.badData` if there is one class only.
  package init(_ source: DataConfiguration.Source, name: String, preset wanted: Preset?) throws(UserError) {
    self.name = name
    guard case .imageFolder(let folders) = source else {
      let data = try Self.probe(source, input).loadData()
      input = ImageShape(height: data.training.height, width: data.training.width, channels: data.training.channels)
      preset = wanted ?? Self.preset(for: input)
      self.source = source
      examples = data.training.count
      testExamples = data.test?.count
      classes = data.training.classCount
      classNames = data.training.classNames
      measure(data.training)
      try requireClasses()
      return
    }
    let folder = try ImageFolder(path: folders.train)
    try folder.requireEveryClass()
    let survey = try ImageSurvey(folder.sample(Self.sampleSize))
    preset = wanted ?? Self.preset(for: survey)
    input = Self.input(survey, preset, isWanted: wanted != nil)
    let found = Self.completed(folders, survey, input, images: folder.files.reduce(0) { $0 + $1.count })
    self.source = .imageFolder(found)
    let rest = folder.split(share: found.validationSplit).rest
    func count(_ folder: ImageFolder) -> Int { folder.files.reduce(0) { $0 + $1.count } }
    examples = count(rest)
    if let test = found.test {
      testExamples = count(try ImageFolder(path: test, classNames: folder.classNames))
    } else {
      testExamples = count(folder) - examples
    }
    classes = folder.classNames.count
    classNames = folder.classNames
    sizeText = survey.sizeText
    damaged = survey.damaged
    let run = Self.probe(self.source, input)
    measure(try ImageDataset.folder(rest.sample(Self.sampleSize), fit: run.imageFit, damaged: .skip))
    try requireClasses()
  }

  private mutating func measure(_ data: ImageDataset) {
    let statistics = PixelStatistics(data, scale: nil)
    self.statistics = (statistics.scale, statistics.mean, statistics.std)
    measured = data.count
    isBytes = data.bytes != nil
  }

  private func requireClasses() throws(UserError) {
    guard classes < 2 else { return }
    throw UserError(.badData, name, "has images of one class; allowed: two classes or more to tell apart")
  }

  /// A configuration to read data with.
  private static func probe(_ source: DataConfiguration.Source, _ input: ImageShape) -> RunConfiguration {
    RunConfiguration(
      name: "data", seed: 1, model: ModelSpecification(input: input, layers: []),
      data: DataConfiguration(source: source, scale: 1, mean: [0], std: [1]),
      training: TrainingConfiguration(
        epochs: 1, batchSize: 1, shuffle: false, optimizer: OptimizerConfiguration(learningRate: 0),
        learningRateSchedule: .constant),
      runtime: RuntimeConfiguration(workers: .auto, shardSize: 1, policy: .none, nodes: nil, useSMT: false),
      checkpoint: CheckpointConfiguration(), logging: LoggingConfiguration(everySteps: 1))
  }

  // MARK: The net and its images

  /// The longest side of images that nets for small images are for.
  private static let longestSmallSide = 96

  private static func preset(for input: ImageShape) -> Preset {
    let side = max(input.height, input.width)
    return named(
      side > longestSmallSide ? "resnet18" : side <= 16 || input.channels == 1 && side <= 32 ? "lenet" : "resnet20")
  }

  private static func preset(for survey: ImageSurvey) -> Preset {
    let side = survey.isOneSize ? max(survey.largest.height, survey.largest.width) : side(survey.medianSide)
    return preset(for: ImageShape(height: side, width: side, channels: survey.hasColour ? 3 : 1))
  }

  private static func named(_ name: String) -> Preset {
    guard let preset = PresetRegistry.preset(named: name) else { fatalError("There is no preset \(name).") }
    return preset
  }

  /// The largest usual side that half of the images have.
  private static func side(_ median: Int) -> Int { [64, 96, 128, 160, 192, 224].last { $0 <= median } ?? 32 }

  /// The size of all images, where that suits the net; else a square.
  private static func input(_ survey: ImageSurvey, _ preset: Preset, isWanted: Bool) -> ImageShape {
    let channels = survey.hasColour ? 3 : 1
    let (height, width) = survey.largest
    let own = preset.hasStem ? nil : preset.model(classes: 1).input
    let largestSide = own.map { max($0.height, longestSmallSide) } ?? 256
    let isSuitable = max(height, width) <= largestSide && (height == width || max(height, width) <= longestSmallSide)
    if survey.isOneSize, isSuitable { return ImageShape(height: height, width: width, channels: channels) }
    let side = isWanted && own != nil ? own?.height ?? 0 : side(survey.medianSide)
    return ImageShape(height: side, width: side, channels: channels)
  }

  /// Below so many images, a fifth of them is the test set, not a tenth.
  private static let fewImages = 1000

  private static func completed(
    _ folders: DataConfiguration.ImageFolders, _ survey: ImageSurvey, _ input: ImageShape, images: Int
  ) -> DataConfiguration.ImageFolders {
    var folders = folders
    if folders.test == nil { folders.validationSplit = images < fewImages ? 0.2 : 0.1 }
    if survey.largest != (input.height, input.width) || !survey.isOneSize {
      // As for ImageNet: 256 pixels for 224.
      let side = input.height > longestSmallSide ? input.height * 8 / 7 : input.height
      folders.resize = .init(shorterSide: side)
      folders.crop = .center
    }
    if !survey.damaged.isEmpty { folders.onError = .skip }
    return folders
  }

  // MARK: How it is trained

  /// How a net for ImageNet begins, where the preset has the choice.
  var stem: PresetStem? {
    preset.hasStem ? max(input.height, input.width) > Self.longestSmallSide ? .imagenet : .cifar : nil
  }

  var hasNorms: Bool {
    preset.model(classes: 2, stem: stem).layers.contains { $0.kind.typeName == BatchNorm.typeName }
  }

  /// Large images take much memory, and small sets need many steps.
  var batchSize: Int {
    if max(input.height, input.width) > Self.longestSmallSide { return 32 }
    return examples < 2000 ? 32 : examples < 10_000 ? 64 : 128
  }

  package var epochs: Int {
    let steps = (examples + batchSize - 1) / batchSize
    let wanted = (hasNorms ? 8000 : 4000) / steps
    return hasNorms ? min(max(wanted, 20), 60) : min(max(wanted, 10), 60)
  }

  /// Whether an image and its mirror image are of one class, as far as can be told: of photographs, but not of characters.
  var canBeMirrored: Bool {
    input.channels >= 3 && !(classNames ?? []).contains { $0.unicodeScalars.count == 1 }
  }

  /// Zeros around an image of which a part is taken; 0: none. For large images a part is stretched instead.
  var cropPadding: Int {
    let side = min(input.height, input.width)
    return side < 16 ? 0 : max(1, side / (input.channels >= 3 ? 8 : 14))
  }

  var stretchesCrops: Bool { max(input.height, input.width) > Self.longestSmallSide }
}
