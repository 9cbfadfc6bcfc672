import Diagnostics
import Glibc

/// The functions of an MPI library that the transport calls, as the library's file has them.
struct MPIFunctions: Sendable {
  typealias Handle = UInt
  typealias Initialize =
    @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, Int32, UnsafeMutablePointer<Int32>) -> Int32
  typealias Plain = @convention(c) () -> Int32
  typealias Number = @convention(c) (Handle, UnsafeMutablePointer<Int32>) -> Int32
  typealias SetHandler = @convention(c) (Handle, Handle) -> Int32
  typealias Send =
    @convention(c) (UnsafeRawPointer?, Int32, Handle, Int32, Int32, Handle, UnsafeMutableRawPointer) -> Int32
  typealias Receive =
    @convention(c) (UnsafeMutableRawPointer?, Int32, Handle, Int32, Int32, Handle, UnsafeMutableRawPointer) -> Int32
  typealias TestAll =
    @convention(c) (Int32, UnsafeMutableRawPointer, UnsafeMutablePointer<Int32>, UnsafeMutableRawPointer?) -> Int32
  typealias Probe =
    @convention(c) (Int32, Int32, Handle, UnsafeMutablePointer<Int32>, UnsafeMutableRawPointer?) -> Int32
  typealias Abort = @convention(c) (Handle, Int32) -> Int32
  typealias ErrorText = @convention(c) (Int32, UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Int32
  typealias VersionText = @convention(c) (UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Int32

  let initialize: Initialize
  let finalize: Plain
  let rank: Number
  let size: Number
  let setErrorHandler: SetHandler
  let send: Send
  let receive: Receive
  let testAll: TestAll
  let probe: Probe
  let abort: Abort
  let errorText: ErrorText
  let versionText: VersionText

  /// - Parameter find: where the library has what a name stands for.
  /// - Throws: `UserError` (71) if the library lacks one of the functions.
  init(library: String, find: (String) -> UnsafeMutableRawPointer?) throws(UserError) {
    func function<Function>(_ name: String, as: Function.Type) throws(UserError) -> Function {
      guard let address = find(name) else {
        throw UserError(
          .systemRefused, library, "the library has no function \(name), so it is no MPI library that can be used",
          hint: "LOCKSTEP_MPI names another one")
      }
      return unsafeBitCast(address, to: Function.self)
    }
    initialize = try function("MPI_Init_thread", as: Initialize.self)
    finalize = try function("MPI_Finalize", as: Plain.self)
    rank = try function("MPI_Comm_rank", as: Number.self)
    size = try function("MPI_Comm_size", as: Number.self)
    setErrorHandler = try function("MPI_Comm_set_errhandler", as: SetHandler.self)
    send = try function("MPI_Isend", as: Send.self)
    receive = try function("MPI_Irecv", as: Receive.self)
    testAll = try function("MPI_Testall", as: TestAll.self)
    probe = try function("MPI_Iprobe", as: Probe.self)
    abort = try function("MPI_Abort", as: Abort.self)
    errorText = try function("MPI_Error_string", as: ErrorText.self)
    versionText = try function("MPI_Get_library_version", as: VersionText.self)
  }

  /// What the library calls itself: its first line up to a comma, such as `Open MPI v4.1.4`.
  func version() -> String {
    let line = text { versionText($0, $1) }.split { $0.isNewline || $0 == "," }.first ?? ""
    return line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// The library's words for a code that a function returned.
  func words(_ code: Int32) -> String { text { errorText(code, $0, $1) } }

  /// Libraries write at most 8,192 bytes (`MPI_MAX_LIBRARY_VERSION_STRING` of MPICH, the largest).
  private func text(_ write: (UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Int32) -> String {
    var bytes = [CChar](repeating: 0, count: 8193)
    var count: Int32 = 0
    guard write(&bytes, &count) == 0 else { return "" }
    return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
