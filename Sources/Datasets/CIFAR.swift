import Diagnostics
import Storage

/// The binary form of CIFAR-10 and CIFAR-100: records of labels and 3×32×32 bytes, nothing around them.
///
/// ```
/// cifar10    class | red 32×32 | green 32×32 | blue 32×32            3073 bytes a record
/// cifar100   coarse class | class | red | green | blue               3074 bytes a record
/// ```
/// Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
package enum CIFAR: Sendable {
  case cifar10
  case cifar100

  /// The set's own names, in the order of their numbers.
  package var classNames: [String] {
    switch self {
    case .cifar10: cifar10ClassNames
    case .cifar100: cifar100ClassNames
    }
  }

  private var labelBytes: Int {
    switch self {
    case .cifar10: 1
    case .cifar100: 2
    }
  }

  /// The names of a split's files in the folder that the authors' archive unpacks to.
  package func fileNames(_ split: ImageDataset.Split) -> [String] {
    switch (self, split) {
    case (.cifar10, .train): (1...5).map { "data_batch_\($0).bin" }
    case (.cifar10, .test): ["test_batch.bin"]
    case (.cifar100, .train): ["train.bin"]
    case (.cifar100, .test): ["test.bin"]
    }
  }

  fileprivate static let side = 32
  fileprivate static let channels = 3
  fileprivate static var imageBytes: Int { side * side * channels }
  fileprivate var recordBytes: Int { labelBytes + Self.imageBytes }

  /// The whole records that the input holds.
  fileprivate func recordCount(_ input: ByteInput) throws(UserError) -> Int {
    guard input.length > 0, input.length % recordBytes == 0 else {
      throw UserError(
        .badData, input.name, "has \(input.length) bytes; allowed: a multiple of \(recordBytes), the size of a record",
        hint: "the binary version is needed, unpacked; the Python and MATLAB versions have other formats")
    }
    return input.length / recordBytes
  }

  /// Reads every record of `input` into `pixels`, 32×32×3 each, and `labels`, from `first` on.
  ///
  /// - Parameter pixels: `nil` for the labels alone.
  fileprivate func read(
    _ input: ByteInput, count: Int, pixels: UnsafeMutableBufferPointer<UInt8>?,
    labels: UnsafeMutableBufferPointer<Int32>, first: Int
  ) throws(UserError) {
    try input.move(to: 0)
    let recordsAtATime = 64
    let plane = Self.side * Self.side
    for start in stride(from: 0, to: count, by: recordsAtATime) {
      let records = min(recordsAtATime, count - start)
      let bytes = try input.read(records * recordBytes)
      for record in 0..<records {
        let offset = record * recordBytes
        let label = Int(bytes[offset + labelBytes - 1])
        guard label < classNames.count else {
          throw UserError(
            .badData, input.name,
            "label \(start + record), at offset \((start + record) * recordBytes + labelBytes - 1), is \(label); "
              + "allowed are 0 to \(classNames.count - 1)")
        }
        let example = first + start + record
        labels[example] = Int32(truncatingIfNeeded: label)
        guard let pixels else { continue }
        let target = example * Self.imageBytes
        let source = offset + labelBytes
        for p in 0..<plane {
          for c in 0..<Self.channels { pixels[target + p * Self.channels + c] = bytes[source + c * plane + p] }
        }
      }
    }
  }
}

extension ImageDataset {
  /// Images and labels of CIFAR's binary files, one after the other, 32×32×3 bytes each.
  ///
  /// Throws `.inputMissing` for files that cannot be opened, `.badData` for lengths that are no whole records and for labels
  /// outside the classes, `.systemRefused` where memory does not suffice.
  /// - Precondition: there is at least one file.
  /// - Parameter place: where the pixels are kept; the files' own order of them is another.
  package static func cifar(
    _ format: CIFAR, files: [String], place: DecodedPlace = .memory
  ) throws(UserError) -> ImageDataset {
    var inputs: [ByteInput] = []
    for file in files { inputs.append(try ByteInput(path: file)) }
    return try cifar(format, inputs, place: place)
  }

  /// The same from inputs, files or memory.
  package static func cifar(
    _ format: CIFAR, _ inputs: [ByteInput], place: DecodedPlace = .memory
  ) throws(UserError) -> ImageDataset {
    precondition(!inputs.isEmpty, "There is at least one file.")
    var counts: [Int] = []
    for input in inputs { counts.append(try format.recordCount(input)) }
    let count = counts.reduce(0, +)
    let labels = try PageBuffer<Int32>(count: count, for: inputs[0].name)
    func read(into pixels: UnsafeMutableBufferPointer<UInt8>?) throws(UserError) {
      var first = 0
      for (input, count) in zip(inputs, counts) {
        try format.read(input, count: count, pixels: pixels, labels: labels.elements, first: first)
        first += count
      }
    }
    let (pixels, mapped) = try place.pixels(
      shape: [count, CIFAR.side, CIFAR.side, CIFAR.channels], files: inputs.map(\.name), form: "\(format)"
    ) { (buffer: PageBuffer<UInt8>) throws(UserError) in
      try read(into: buffer.elements)
    }
    if mapped?.isFound == true { try read(into: nil) }
    return ImageDataset(
      height: CIFAR.side, width: CIFAR.side, channels: CIFAR.channels, classCount: format.classNames.count,
      pixels: .bytes(pixels), labels: labels, classNames: format.classNames, mapped: mapped)
  }
}

private let cifar10ClassNames: [String] = words(
  "airplane automobile bird cat deer dog frog horse ship truck")

private let cifar100ClassNames: [String] = words(
  """
  apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle \
  caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish \
  forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle \
  mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine \
  possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar \
  sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale \
  willow_tree wolf woman worm
  """)

private func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
