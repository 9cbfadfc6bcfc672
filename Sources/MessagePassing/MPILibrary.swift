import Diagnostics
import Glibc

/// An MPI library that was opened while the program runs, with the constants of its binary interface.
///
/// Nothing links against MPI: one program runs with the library that a site has, and without any.
package struct MPILibrary: Sendable {
  /// A value of the library: what the interface's table says, as functions take it.
  struct Handles: Sendable {
    let world: UInt
    let byte: UInt
    let requestNull: UInt
    let errorsReturn: UInt
  }

  /// The name by which it was found.
  package let name: String
  package let interface: MPIInterface
  /// What it calls itself.
  package let version: String
  let functions: MPIFunctions
  let handles: Handles

  /// Opens the library `named`, else the first that the system's loader finds.
  ///
  /// - Parameters:
  ///   - named: a path, or a name for the loader.
  ///   - usesPMI: whether the launcher speaks the protocol of MPICH's family.
  /// - Throws: `UserError` (71) if there is none, or it has another interface than those known.
  package static func open(named: String?, usesPMI: Bool) throws(UserError) -> MPILibrary {
    var reasons: [String] = []
    for name in named.map({ [$0] }) ?? MPIInterface.fileNames(usesPMI: usesPMI) {
      if let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) { return try MPILibrary(name, handle) }
      reasons.append(dlerror().map { String(cString: $0) } ?? name)
    }
    if let named {
      throw UserError(
        .systemRefused, "LOCKSTEP_MPI", "found \(named); it cannot be opened: \(reasons.joined(separator: "; "))",
        hint: "the path of an MPI library, such as /usr/lib/x86_64-linux-gnu/libmpi.so.40")
    }
    throw UserError(
      .systemRefused, "libmpi",
      "several ranks need an MPI library, and none was found: \(reasons.joined(separator: "; "))",
      hint:
        "load the module of the site's MPI, install Open MPI or MPICH on every host, or name the library: LOCKSTEP_MPI=PATH"
    )
  }

  private init(_ name: String, _ handle: UnsafeMutableRawPointer) throws(UserError) {
    self.name = name
    functions = try MPIFunctions(library: name) { dlsym(handle, $0) }
    version = functions.version()
    guard
      let interface = MPIInterface.of(
        file: Self.resolved(name), isOpenMPI: dlsym(handle, "ompi_mpi_comm_world") != nil, version: version)
    else {
      throw UserError(
        .systemRefused, name,
        "the library calls itself \(version); known are Open MPI 4 and 5, MPICH and its kin, and the standard interface of MPI 5",
        hint: "LOCKSTEP_MPI names another one; many sites have libmpi.so.12 or libmpi_abi.so.1 beside their own")
    }
    self.interface = interface
    func value(_ constant: MPIInterface.Handle) throws(UserError) -> UInt {
      switch constant {
      case .number(let number): return number
      case .address(let symbol):
        guard let address = dlsym(handle, symbol) else {
          throw UserError(.systemRefused, name, "the library has no \(symbol), which Open MPI 4 and 5 have")
        }
        return UInt(bitPattern: address)
      }
    }
    let constants = interface.constants
    handles = Handles(
      world: try value(constants.world), byte: try value(constants.byte),
      requestNull: try value(constants.requestNull), errorsReturn: try value(constants.errorsReturn))
  }

  /// A path without links; a name for the loader stays as it is.
  private static func resolved(_ name: String) -> String {
    guard name.contains("/"), let path = realpath(name, nil) else { return name }
    defer { free(path) }
    return String(cString: path)
  }

  /// - Throws: `UserError` (71) with the library's words if `code` is not `MPI_SUCCESS`.
  func check(_ code: Int32, _ function: String) throws(UserError) {
    guard code != 0 else { return }
    throw UserError(.systemRefused, function, "\(functions.words(code)) (\(version))")
  }

  /// `MPI_Init_thread`, for calls from one thread at a time; errors are returned from then on.
  ///
  /// Call it before any thread is pinned and after signals are blocked: the library's own threads inherit both.
  /// - Throws: `UserError` (71).
  func initialize() throws(UserError) {
    let wanted = interface.constants.threadSerialized
    var provided: Int32 = 0
    try check(functions.initialize(nil, nil, wanted, &provided), "MPI_Init_thread")
    guard provided >= wanted else {
      throw UserError(
        .systemRefused, "MPI_Init_thread",
        "the library allows threads up to level \(provided); needed is MPI_THREAD_SERIALIZED, \(wanted) (\(version))",
        hint: "a library that was built with support for threads; LOCKSTEP_MPI names another one")
    }
    try check(functions.setErrorHandler(handles.world, handles.errorsReturn), "MPI_Comm_set_errhandler")
  }

  /// - Throws: `UserError` (71).
  func rankAndCount() throws(UserError) -> (rank: Int, count: Int) {
    var (rank, count): (Int32, Int32) = (0, 0)
    try check(functions.rank(handles.world, &rank), "MPI_Comm_rank")
    try check(functions.size(handles.world, &count), "MPI_Comm_size")
    return (Int(rank), Int(count))
  }
}
