import Diagnostics
import Glibc

// LOCKSTEP_FUZZ=PARSER lockstep-fuzz [libFuzzer's options and corpus folders]
//
// Feeds a parser with what libFuzzer invents. A parser may refuse an input with a `UserError` of the right category;
// anything else it may do wrong ends the process, which libFuzzer reports with the input.

/// The parser that the environment names.
private let parser: @Sendable ([UInt8]) -> Void = {
  let name: String = getenv("LOCKSTEP_FUZZ").map { String(cString: $0) } ?? ""
  guard let parser = Parsers.all[name] else {
    fatalError("LOCKSTEP_FUZZ is \"\(name)\"; allowed: \(Parsers.all.keys.sorted().joined(separator: ", "))")
  }
  return parser
}()

@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  parser(Array(UnsafeBufferPointer(start: data, count: count)))
  return 0
}
