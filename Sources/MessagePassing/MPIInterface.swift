/// The binary interfaces of MPI libraries: which constants their functions take.
///
/// Handles are pointers or integers and go in one register either way, so that one set of functions serves all.
/// `Tests/MPI/constants.c` prints the constants of real headers, which tests compare with these.
package enum MPIInterface: String, Hashable, Sendable, CaseIterable {
  /// Open MPI 4 and 5.
  case openMPI = "Open MPI"
  /// MPICH since 2016, Intel MPI, MVAPICH, Cray MPICH.
  case mpich = "MPICH"
  /// The standard's own since MPI 5.0.
  case standard = "standard"

  /// A handle: a number, or where the library keeps something.
  package enum Handle: Hashable, Sendable {
    case number(UInt)
    case address(of: String)
  }

  package struct Constants: Hashable, Sendable {
    package let world: Handle
    package let byte: Handle
    package let requestNull: Handle
    package let errorsReturn: Handle
    /// For one status and for several.
    package let statusIgnore: UInt
    package let threadSerialized: Int32
    /// Bytes of a request in an array.
    package let requestBytes: Int
  }

  package var constants: Constants {
    switch self {
    case .openMPI:
      Constants(
        world: .address(of: "ompi_mpi_comm_world"), byte: .address(of: "ompi_mpi_byte"),
        requestNull: .address(of: "ompi_request_null"), errorsReturn: .address(of: "ompi_mpi_errors_return"),
        statusIgnore: 0, threadSerialized: 2, requestBytes: 8)
    case .mpich:
      Constants(
        world: .number(0x4400_0000), byte: .number(0x4c00_010d), requestNull: .number(0x2c00_0000),
        errorsReturn: .number(0x5400_0001), statusIgnore: 1, threadSerialized: 2, requestBytes: 4)
    case .standard:
      Constants(
        world: .number(0x101), byte: .number(0x247), requestNull: .number(0x180), errorsReturn: .number(0x143),
        statusIgnore: 0, threadSerialized: 2048, requestBytes: 8)
    }
  }

  /// The interface of a library; `nil` if it is none of these.
  ///
  /// The file's name comes first: MPICH's own library has the standard's functions too.
  /// - Parameters:
  ///   - file: the library's file, links resolved.
  ///   - version: what `MPI_Get_library_version` says.
  package static func of(file: String, isOpenMPI: Bool, version: String) -> MPIInterface? {
    let name = file.split(separator: "/").last ?? ""
    if name.hasPrefix("libmpi_abi.") { return .standard }
    if isOpenMPI { return .openMPI }
    let isKin = ["MPICH", "Intel(R) MPI", "MVAPICH", "CRAY MPICH"].contains { version.hasPrefix($0) }
    return isKin ? .mpich : nil
  }

  /// Whether a library's `MPI_Finalize` may wait for ever: MPICH up to 4.1 over UCX, for answers that a rank which came there
  /// earlier no longer gives (mpich #6596). Four ranks on two hosts hung in 12 of 40 tries, and in none of 130 where all rested
  /// before it once they had heard of each other.
  package static func mayHangInFinalize(version: String) -> Bool {
    ["3.4", "4.0", "4.1"].contains { version.hasPrefix("MPICH Version: \($0)") }
  }

  /// The names by which the system's loader is asked for a library, the likeliest first.
  ///
  /// - Parameter usesPMI: whether the launcher speaks the protocol of MPICH's family.
  package static func fileNames(usesPMI: Bool) -> [String] {
    let family = ["libmpi_abi.so.1", "libmpi.so.12", "libmpich.so.12"]
    let openMPI = ["libmpi.so.40"]
    return (usesPMI ? family + openMPI : openMPI + family) + ["libmpi.so"]
  }
}
