import Datasets
import Storage
import Training

/// Images of data sets as small pictures for a page.
enum DatasetPictures {
  /// Pixels on the longer side.
  private static let longest = 64

  /// A test image with what it was taken for; `nil` if libpng refuses to write it.
  static func test(_ index: Int, in data: ImageDataset, predicted: Int, confidence: Double) -> JSONValue? {
    let count = data.height * data.width * data.channels
    let values = pixels(index, of: data, count: count)
    return json(
      index, in: data, values,
      more: [.init("predicted", .integer(predicted)), .init("confidence", .number(confidence))])
  }

  /// A training image after augmentation.
  static func sample(_ sample: TrainingSample, in data: ImageDataset) -> JSONValue? {
    json(sample.index, in: data, sample.pixels, more: [])
  }

  private static func json(
    _ index: Int, in data: ImageDataset, _ values: [Float], more: [JSONValue.Member]
  ) -> JSONValue? {
    let picture = Picture(
      values, height: data.height, width: data.width, channels: data.channels, range: range(of: values, in: data),
      longest: longest)
    guard let text = picture.base64 else { return nil }
    return .object(
      [
        .init("index", .integer(index)), .init("class", .integer(Int(data.labels[index]))),
      ] + more + [
        .init("width", .integer(picture.width)), .init("height", .integer(picture.height)), .init("png", .string(text)),
      ])
  }

  private static func pixels(_ index: Int, of data: ImageDataset, count: Int) -> [Float] {
    if let bytes = data.bytes { return (0..<count).map { Float(bytes[index * count + $0]) } }
    guard let floats = data.floats else { return [Float](repeating: 0, count: count) }
    return (0..<count).map { floats[index * count + $0] }
  }

  /// From black to white: of bytes 0 to 255; of floats what the image has, as nothing says what they mean.
  private static func range(of values: [Float], in data: ImageDataset) -> ClosedRange<Float> {
    if data.bytes != nil { return 0...255 }
    let finite = values.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max() else { return 0...1 }
    return low...high
  }
}
