import Diagnostics
import TestSupport
import Testing

@testable import MessagePassing

@Suite struct MPIInterfaceTests {
  @Test("the interface of a library by its file, symbols and version")
  func interfaceOfALibrary() {
    func interface(_ file: String, openMPI: Bool = false, _ version: String) -> MPIInterface? {
      MPIInterface.of(file: file, isOpenMPI: openMPI, version: version)
    }
    #expect(interface("libmpi.so.40", openMPI: true, "Open MPI v4.1.4, package: Debian") == .openMPI)
    #expect(interface("/opt/openmpi/lib/libmpi.so.40.40.7", openMPI: true, "Open MPI v5.0.11") == .openMPI)
    #expect(interface("libmpi.so.12", "MPICH Version:      5.0.2") == .mpich)
    #expect(interface("libmpich.so.12", "MPICH Version:      4.0.2") == .mpich)
    #expect(interface("/opt/intel/libmpi.so.12.0.0", "Intel(R) MPI Library 2021.12") == .mpich)
    #expect(interface("libmpi.so.12", "MVAPICH2 Version      :     2.3.7") == .mpich)
    #expect(interface("libmpi.so.12", "CRAY MPICH version 8.1.28") == .mpich)
    // One library says MPICH and speaks the standard's interface.
    #expect(interface("libmpi_abi.so.1", "MPICH Version:      5.0.2") == .standard)
    #expect(interface("/opt/mpich/lib/libmpi_abi.so.1.0.2", "MPICH Version:      5.0.2") == .standard)
    #expect(interface("/opt/libmpi_abi.d/libmpi.so.12", "MPICH Version:      5.0.2") == .mpich)
    #expect(interface("libmpi.so", "HPE MPT 2.28") == nil)
  }

  @Test("libraries before whose MPI_Finalize a rank rests")
  func librariesThatMayHangAtTheEnd() {
    let versions = [
      "MPICH Version: 3.4.1", "MPICH Version: 4.0.2", "MPICH Version: 4.1.1",
      "MPICH Version: 4.2.0", "MPICH Version: 5.0.2", "Intel(R) MPI Library 2021.12", "Open MPI v4.1.4",
    ]
    #expect(versions.filter(MPIInterface.mayHangInFinalize) == Array(versions.prefix(3)))
  }

  @Test("the launcher's family of libraries is tried first")
  func orderOfNames() {
    #expect(MPIInterface.fileNames(usesPMI: false).first == "libmpi.so.40")
    #expect(MPIInterface.fileNames(usesPMI: true).prefix(3) == ["libmpi_abi.so.1", "libmpi.so.12", "libmpich.so.12"])
    for usesPMI in [false, true] {
      #expect(Set(MPIInterface.fileNames(usesPMI: usesPMI)).count == 5)
      #expect(MPIInterface.fileNames(usesPMI: usesPMI).last == "libmpi.so")
    }
  }

  /// `Tests/MPI/constants.c` printed them, compiled with each library's header.
  @Test("the tables are those of the headers", arguments: MPIInterface.allCases)
  func tablesOfTheHeaders(interface: MPIInterface) throws {
    var printed: [String: String] = [:]
    let text = String(decoding: try contents(ofFile: fixture("mpi/\(interface.fixture).txt")), as: UTF8.self)
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let words = line.split(separator: " ")
      printed[String(words[0])] = String(words[1])
    }
    func shown(_ handle: MPIInterface.Handle) -> String {
      switch handle {
      case .number(let number): "0x" + String(number, radix: 16)
      case .address(let symbol): "&" + symbol
      }
    }
    let constants = interface.constants
    #expect(
      printed == [
        "MPI_COMM_WORLD": shown(constants.world), "MPI_BYTE": shown(constants.byte),
        "MPI_REQUEST_NULL": shown(constants.requestNull), "MPI_ERRORS_RETURN": shown(constants.errorsReturn),
        "MPI_STATUS_IGNORE": "0x" + String(constants.statusIgnore, radix: 16),
        "MPI_STATUSES_IGNORE": "0x" + String(constants.statusIgnore, radix: 16),
        "MPI_THREAD_SERIALIZED": "\(constants.threadSerialized)", "MPI_SUCCESS": "0",
        "sizeof(MPI_Request)": "\(constants.requestBytes)",
      ])
  }

  @Test("a library that is missing or none is refused with its name")
  func missingLibraries() {
    let missing = userError { _ = try MPILibrary.open(named: "/nowhere/libmpi.so", usesPMI: false) }
    #expect(missing?.category == .systemRefused)
    #expect(missing?.subject == "LOCKSTEP_MPI")
    #expect(missing?.message.contains("/nowhere/libmpi.so") == true)
    let other = userError { _ = try MPILibrary.open(named: "libz.so.1", usesPMI: false) }
    #expect(other?.subject == "libz.so.1")
    #expect(other?.message.contains("no function MPI_Init_thread") == true)
  }
}

extension MPIInterface {
  fileprivate var fixture: String {
    switch self {
    case .openMPI: "open-mpi"
    case .mpich: "mpich"
    case .standard: "standard"
    }
  }
}
