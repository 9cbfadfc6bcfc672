import CSeccomp
import Glibc

// RefusedCalls ERROR CALL[,CALL…] PROGRAM [ARGUMENT…]
//
// Runs PROGRAM while the kernel refuses the calls with ERROR, as containers and broken devices do. Exits with 125 if that
// cannot be arranged, so that no test takes it for the program's own exit code. PROGRAM starts with no signal blocked, as
// from a shell; the threads that tests run on block most of them.

let errors: [String: Int32] = [
  "EAGAIN": EAGAIN, "EBADF": EBADF, "EPERM": EPERM, "EIO": EIO, "EROFS": EROFS, "ENOLCK": ENOLCK, "ENOSYS": ENOSYS,
]
let calls: [String: Int32] = [
  "mbind": SYS_mbind, "set_mempolicy": SYS_set_mempolicy, "get_mempolicy": SYS_get_mempolicy,
  "move_pages": SYS_move_pages, "migrate_pages": SYS_migrate_pages, "sched_setaffinity": SYS_sched_setaffinity,
  "sched_getaffinity": SYS_sched_getaffinity, "setpriority": SYS_setpriority, "madvise": SYS_madvise,
  "fadvise64": SYS_fadvise64, "flock": SYS_flock, "fsync": SYS_fsync, "renameat2": SYS_renameat2,
  "faccessat": SYS_faccessat, "faccessat2": SYS_faccessat2, "getdents64": SYS_getdents64, "renameat": SYS_renameat,
  "rename": SYS_rename, "clone": SYS_clone, "clone3": SYS_clone3,
]

func give(up reason: String) -> Never {
  _ = "RefusedCalls: \(reason)\n".withCString { write(STDERR_FILENO, $0, strlen($0)) }
  exit(125)
}

/// Loads the call's number, compares it with each of `numbers`, and returns `error` or lets the call pass.
func filter(_ numbers: [Int32], error: Int32) -> [sock_filter] {
  let (load, jumpIfEqual, result): (UInt16, UInt16, UInt16) = (0x20, 0x15, 0x06)
  var program: [sock_filter] = [sock_filter(code: load, jt: 0, jf: 0, k: 0)]
  for number in numbers {
    program.append(sock_filter(code: jumpIfEqual, jt: 0, jf: 1, k: UInt32(bitPattern: number)))
    program.append(sock_filter(code: result, jt: 0, jf: 0, k: 0x0005_0000 | UInt32(bitPattern: error)))
  }
  program.append(sock_filter(code: result, jt: 0, jf: 0, k: 0x7FFF_0000))
  return program
}

let arguments = CommandLine.arguments
guard arguments.count > 3, let error: Int32 = errors[arguments[1]] else {
  give(up: "found \(arguments.dropFirst()); allowed: ERROR CALL[,CALL…] PROGRAM [ARGUMENT…]")
}
let numbers: [Int32] = arguments[2].split(separator: ",").map { name in
  guard let number = calls[String(name)] else { give(up: "unknown system call \(name)") }
  return number
}
var program: [sock_filter] = filter(numbers, error: error)
let status: Int32 = program.withUnsafeMutableBufferPointer { instructions in
  var whole: sock_fprog = sock_fprog(len: UInt16(instructions.count), filter: instructions.baseAddress)
  return set_seccomp_filter(&whole)
}
guard status == 0 else { give(up: "no filter: \(String(cString: strerror(errno)))") }
var noSignals: sigset_t = sigset_t()
sigemptyset(&noSignals)
pthread_sigmask(SIG_SETMASK, &noSignals, nil)
var words: [UnsafeMutablePointer<CChar>?] = arguments.dropFirst(3).map { strdup($0) } + [nil]
execv(arguments[3], &words)
give(up: "\(arguments[3]) cannot be run: \(String(cString: strerror(errno)))")
