import Datasets
import Diagnostics
import Glibc
import Storage
import Training

// LOCKSTEP_FUZZ=PARSER lockstep-fuzz [libFuzzer's options and corpus folders]
//
// Feeds a parser with what libFuzzer invents. A parser may refuse an input with a `UserError` of the right category;
// anything else it may do wrong ends the process, which libFuzzer reports with the input.

/// Ends the process if `error` is not what a broken file is to be answered with.
func require(_ error: UserError, _ category: UserError.Category) {
  precondition(error.category == category, "\(error.category) for a broken file: \(error)")
  precondition(!error.message.isEmpty && error.description.utf8.count < 100_000, "A message of odd length.")
}

func safetensors(_ bytes: [UInt8]) {
  do throws(UserError) {
    let file: SafetensorsFile = try Safetensors.read(ByteInput(name: "fuzz", bytes: bytes))
    let count: Int = file.tensors.reduce(0) { $0 + $1.values.count }
    precondition(count * 4 <= bytes.count, "More values than the file has bytes.")
  } catch {
    require(error, .badData)
  }
}

/// The first byte says how many bytes behind it are the label file; the rest is the image file.
func idx(_ bytes: [UInt8]) {
  guard let first: UInt8 = bytes.first else { return }
  let labels: ArraySlice<UInt8> = bytes.dropFirst().prefix(Int(first))
  let images: ArraySlice<UInt8> = bytes.dropFirst().dropFirst(Int(first))
  do throws(UserError) {
    let data: ImageDataset = try ImageDataset.idx(
      images: ByteInput(name: "images", bytes: Array(images)), labels: ByteInput(name: "labels", bytes: Array(labels)),
      classCount: nil)
    for i: Int in 0..<data.count {
      precondition((0..<data.classCount).contains(Int(data.labels[i])), "A label outside.")
    }
  } catch {
    require(error, .badData)
  }
}

/// What is accepted must read back as the same from its own text.
func configuration(_ bytes: [UInt8]) {
  guard let text: String = String(validating: bytes, as: UTF8.self) else { return }
  do throws(UserError) {
    let run: RunConfiguration = try ConfigurationReader.read(text: text, file: "/fuzz.json")
    let again: RunConfiguration = try ConfigurationReader.read(text: run.jsonText, file: "/fuzz.json")
    precondition(again == run, "Reads back as another.")
  } catch {
    require(error, .badConfiguration)
  }
}

/// The parser that the environment names.
let parser: @Sendable ([UInt8]) -> Void = {
  let name: String? = getenv("LOCKSTEP_FUZZ").map { String(cString: $0) }
  switch name {
  case "safetensors": return { safetensors($0) }
  case "idx": return { idx($0) }
  case "configuration": return { configuration($0) }
  default: fatalError("LOCKSTEP_FUZZ is \(name ?? "not set"); allowed: safetensors, idx, configuration")
  }
}()

@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  parser(Array(UnsafeBufferPointer(start: data, count: count)))
  return 0
}
