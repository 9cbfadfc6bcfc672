import Storage

/// What a run is before its first step: the first line of its ledger.
package struct LedgerStart: Hashable, Sendable {
  /// Of the keys that decide numbers, see `ConfigurationDigest`.
  package var configuration: SHA256Digest
  /// Of shapes, labels and pixels of both data sets.
  package var data: SHA256Digest
  package var numericsVersion: Int
  /// Of the weights before the first step; `nil` in a later part of a run, which does not know them.
  package var weights: SHA256Digest?
  /// Steps from one digest of the weights to the next; the last step of an epoch has one too.
  package var everySteps: Int

  package init(
    configuration: SHA256Digest, data: SHA256Digest, numericsVersion: Int, weights: SHA256Digest?, everySteps: Int
  ) {
    self.configuration = configuration
    self.data = data
    self.numericsVersion = numericsVersion
    self.weights = weights
    self.everySteps = everySteps
  }

  static let format = "lockstep-ledger-1"

  /// The chain's first link: SHA-256 of the format, numbers as eight bytes, and the digests.
  var chain: SHA256Digest {
    var hash = SHA256()
    hash.update(Array(Self.format.utf8))
    hash.update(UInt64(numericsVersion))
    hash.update(UInt64(everySteps))
    hash.update(configuration)
    hash.update(data)
    if let weights { hash.update(weights) }
    return hash.value
  }

  /// The line without its newline.
  var line: [UInt8] {
    var text = Array(
      "{\"step\":0,\"format\":\"\(Self.format)\",\"numerics_version\":\(numericsVersion),\"every_steps\":\(everySteps)"
        .utf8)
    text.append(key: "configuration", configuration)
    text.append(key: "data", data)
    if let weights { text.append(key: "weights", weights) }
    text.append(key: "chain", chain)
    text.append(UInt8(ascii: "}"))
    return text
  }
}

/// One step of a run, as its ledger keeps it.
package struct LedgerEntry: Hashable, Sendable {
  /// From 1, since the start of training.
  package var step: Int
  /// SHA-256 of the numbers of the batch's examples in their order, four bytes each, the least significant first.
  package var batch: SHA256Digest
  /// The bits of the sum of the examples' losses, a Double.
  package var loss: UInt64
  /// `TreeHash` of the weights after the step, in the steps that have one.
  package var weights: SHA256Digest?

  package init(step: Int, batch: SHA256Digest, loss: UInt64, weights: SHA256Digest?) {
    self.step = step
    self.batch = batch
    self.loss = loss
    self.weights = weights
  }

  /// The chain's link of this step after the one before it.
  func chain(after link: SHA256Digest) -> SHA256Digest {
    var hash = SHA256()
    hash.update(link)
    hash.update(UInt64(step))
    hash.update(batch)
    hash.update(loss)
    if let weights { hash.update(weights) }
    return hash.value
  }

  /// Appends the line with its newline; `chain` is its link.
  func append(to text: inout [UInt8], chain: SHA256Digest) {
    text.append(literal: "{\"step\":")
    text.append(decimal: step)
    text.append(key: "batch", batch)
    text.append(literal: ",\"loss\":\"")
    Hexadecimal.append(loss, to: &text)
    text.append(literal: "\"")
    if let weights { text.append(key: "weights", weights) }
    text.append(key: "chain", chain)
    text.append(literal: "}\n")
  }
}

extension [UInt8] {
  fileprivate mutating func append(literal text: StaticString) {
    append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// `,"key":"<64 digits>"`.
  fileprivate mutating func append(key: StaticString, _ digest: SHA256Digest) {
    append(literal: ",\"")
    append(literal: key)
    append(literal: "\":\"")
    digest.append(to: &self)
    append(literal: "\"")
  }

  fileprivate mutating func append(decimal number: Int) {
    var power = 1
    while number / power >= 10 { power *= 10 }
    while power > 0 {
      append(UInt8(48 + number / power % 10))
      power /= 10
    }
  }
}
