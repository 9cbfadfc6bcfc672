import Diagnostics
import Storage

/// Credit for the digits that are part of the program, in lines; their licence requires it wherever they are used.
package let digitsAttribution: [String] = [
  "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak,",
  "UCI Machine Learning Repository, licensed CC BY 4.0",
]

extension ImageDataset {
  /// The UCI handwritten digits inside the program: 1437 training and 360 test images, 8×8×1, bytes 0 to 255.
  ///
  /// The bytes are in the executable itself, so no file is read. Ten classes. Takes a few milliseconds.
  package static func embeddedDigits() throws(UserError) -> (train: ImageDataset, test: ImageDataset) {
    let train = try embedded(
      images: PackageResources.train_images_idx3_ubyte_gz, labels: PackageResources.train_labels_idx1_ubyte_gz)
    let test = try embedded(
      images: PackageResources.t10k_images_idx3_ubyte_gz, labels: PackageResources.t10k_labels_idx1_ubyte_gz)
    return (train, test)
  }

  private static func embedded(images: [UInt8], labels: [UInt8]) throws(UserError) -> ImageDataset {
    try idx(
      images: ByteInput(name: "embedded digits (images)", bytes: images),
      labels: ByteInput(name: "embedded digits (labels)", bytes: labels), classCount: 10)
  }
}
