import Diagnostics
import Glibc

/// The words that the program was started with.
enum ProgramArguments {
  /// All but the program's name.
  ///
  /// Swift's own list comes from `/proc`, and is empty if that is not mounted.
  /// - Throws: `UserError(.usage)` about a word that is not UTF-8: as text it would name another file.
  static func words() throws(UserError) -> [String] {
    var words: [String] = []
    for (number, bytes) in rawWords().enumerated().dropFirst() {
      guard let word = String(validating: bytes, as: UTF8.self) else {
        throw UserError(
          .usage, "argument \(number)", "found \(String(decoding: bytes, as: UTF8.self)); allowed: text in UTF-8")
      }
      words.append(word)
    }
    return words
  }

  private static func rawWords() -> [[UInt8]] {
    var words: [[UInt8]] = []
    var next = start()
    while let word = next.pointee {
      words.append(Array(UnsafeRawBufferPointer(start: word, count: strlen(word))))
      next += 1
    }
    return words
  }

  /// The words lie before the environment on every Linux, as the kernel puts them: their count, the words, a null, the
  /// environment. Call it before anything changes the environment.
  private static func start() -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
    guard CommandLine.argc == 0 else { return CommandLine.unsafeArgv }
    var word = environ - 2
    var count = 0
    while Int(bitPattern: word.pointee) != count {
      word -= 1
      count += 1
    }
    return word + 1
  }
}
