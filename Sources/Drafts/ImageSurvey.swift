import Datasets
import Diagnostics
import Storage

/// What the images of a folder are like, by the headers of a sample of its files.
struct ImageSurvey {
  /// Files of the sample, and what is wrong with those that cannot be used.
  private(set) var looked = 0
  private(set) var damaged: [UserError] = []
  private(set) var smallest = (height: Int.max, width: Int.max)
  private(set) var largest = (height: 0, width: 0)
  /// Of the shorter sides.
  private(set) var medianSide = 0
  private(set) var hasColour = false

  var isOneSize: Bool { smallest == largest }

  /// - Throws: `UserError`: `.badData` if no file of the sample is an image.
  init(_ folder: ImageFolder) throws(UserError) {
    let reader = try ImageFileReader()
    var sides: [Int] = []
    for name in folder.files.joined() {
      looked += 1
      do throws(UserError) {
        let (height, width, hasColour) = try reader.header(path: PathText.resolve(name, in: folder.path))
        smallest = (min(smallest.height, height), min(smallest.width, width))
        largest = (max(largest.height, height), max(largest.width, width))
        sides.append(min(height, width))
        self.hasColour = self.hasColour || hasColour
      } catch { damaged.append(error) }
    }
    guard !sides.isEmpty else {
      throw UserError(.badData, folder.path, "holds no image that can be used", parts: Array(damaged.prefix(20)))
    }
    medianSide = sides.sorted()[sides.count / 2]
  }

  /// `28×28` or `28×28 to 640×480`, width first.
  var sizeText: String {
    let first = "\(smallest.width)×\(smallest.height)"
    return isOneSize ? first : "\(first) to \(largest.width)×\(largest.height)"
  }
}
