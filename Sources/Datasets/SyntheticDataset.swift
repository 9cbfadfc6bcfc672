import Diagnostics
import Dispatch
import Machine
import Randomness

extension ImageDataset {
  /// Which of two disjoint draws from the same classes.
  package enum Split: UInt32, Sendable {
    case train = 1
    case test = 2
  }

  /// Byte images that can be learned: a random prototype per class, each image half prototype, half noise.
  ///
  /// Pixel p of example n is (prototype[class][p] + noise[n][p]) / 2, both uniform bytes; class = n mod `classes`.
  /// Counter-based: example n depends on (seed, split, n, image size, classes), not on `examples`. Both splits share
  /// prototypes. Throws `.badConfiguration` for sizes below 1 and `.systemRefused` where memory does not suffice.
  package static func synthetic(
    examples: Int, height: Int, width: Int, channels: Int, classes: Int, seed: UInt64, split: Split
  ) throws(UserError) -> ImageDataset {
    for (key, value): (String, Int) in [("data.examples", examples), ("data.classes", classes)] {
      guard value >= 1, value <= Int(Int32.max) else {
        throw UserError(.badConfiguration, key, "is \(value); allowed are 1 to \(Int32.max)")
      }
    }
    let pixels = try product([height, width, channels], "model.input")
    _ = try product([examples, pixels], "data.examples")
    _ = try product([classes, pixels], "data.classes")
    let pixelBuffer = try PageBuffer<UInt8>(
      shape: [examples, height, width, channels], for: "data.examples")
    let labels = try PageBuffer<Int32>(count: examples, for: "data.examples")

    let prototypes = try PageBuffer<UInt8>(
      shape: [classes, height, width, channels], for: "data.classes")
    let prototypeStream = RandomStream(seed: seed, purpose: .syntheticData, stream: 0)
    for c in 0..<classes { fill(row(c, of: prototypes, pixels), prototypeStream, row: c) }

    let noise = RandomStream(seed: seed, purpose: .syntheticData, stream: split.rawValue)
    // Each part writes examples of its own.
    let parts = max(1, min(examples, examples * pixels / bytesPerPart))
    nonisolated(unsafe) let (images, numbers) = (pixelBuffer, labels)
    nonisolated(unsafe) let patterns = prototypes
    let fillPart: @Sendable (Int) -> Void = { part in
      for n in examples * part / parts..<examples * (part + 1) / parts {
        let image = row(n, of: images, pixels)
        fill(image, noise, row: n)
        blend(row(n % classes, of: patterns, pixels), into: image)
        numbers.elements[n] = Int32(truncatingIfNeeded: n % classes)
      }
    }
    // Dispatch would wait forever for a thread that cannot be created.
    if parts > 1, ThreadSupply.allows(min(parts, ThreadSupply.processors) - 1) {
      DispatchQueue.concurrentPerform(iterations: parts, execute: fillPart)
    } else {
      for part in 0..<parts { fillPart(part) }
    }
    return ImageDataset(
      height: height, width: width, channels: channels, classCount: classes, pixels: .bytes(pixelBuffer),
      labels: labels)
  }

  /// Bytes that are worth another thread.
  private static let bytesPerPart = 1 << 20

  private static func product(_ factors: [Int], _ key: String) throws(UserError) -> Int {
    var result = 1
    for factor in factors {
      let (next, overflow): (Int, Bool) = result.multipliedReportingOverflow(by: factor)
      guard factor >= 1, !overflow else {
        let shape = factors.map(String.init).joined(separator: "×")
        throw UserError(.badConfiguration, key, "makes \(shape) pixels; sizes are at least 1 and fit in memory")
      }
      result = next
    }
    return result
  }

  private static func row(
    _ number: Int, of buffer: PageBuffer<UInt8>, _ length: Int
  ) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[number * length..<(number + 1) * length])
  }

  /// Sixteen bytes per random element; each row starts with a new element.
  private static func fill(_ bytes: UnsafeMutableRawBufferPointer, _ stream: RandomStream, row: Int) {
    stream.fill(bytes, from: UInt64(row) * UInt64((bytes.count + 15) / 16))
  }

  /// Halves of both, rounded down, in place; eight bytes at a time without carries between them.
  private static func blend(_ prototype: UnsafeMutableRawBufferPointer, into image: UnsafeMutableRawBufferPointer) {
    let lowBits: UInt64 = 0x0101_0101_0101_0101
    var offset = 0
    while offset + 8 <= image.count {
      let a = prototype.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let b = image.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      // (a + b) / 2 = (a & b) + (a ^ b) / 2, byte by byte.
      let half: UInt64 = (a & b) &+ (((a ^ b) & ~lowBits) &>> 1)
      image.storeBytes(of: half, toByteOffset: offset, as: UInt64.self)
      offset += 8
    }
    while offset < image.count {
      image[offset] = UInt8((Int(prototype[offset]) + Int(image[offset])) / 2)
      offset += 1
    }
  }
}
