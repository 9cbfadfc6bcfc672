import Glibc

/// What ends a process that crashed, after Swift's runtime has reported the crash.
package enum CrashSignals {
  /// Those for which the runtime installs its report.
  private static let numbers: [Int32] = [SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP]

  /// The runtime's own handlers by signal number.
  ///
  /// Written by `endAfterReport` before other threads start, read by the handler alone.
  nonisolated(unsafe) private static let reports: UnsafeMutablePointer<sigaction> = {
    let actions: UnsafeMutablePointer<sigaction> = .allocate(capacity: 65)
    actions.initialize(repeating: sigaction(), count: 65)
    return actions
  }()

  /// Sees to it that a signal sent by `kill` ends the process as a fault does.
  ///
  /// The runtime's handler reports and returns, so that the instruction at fault faults again and the system ends the
  /// process; where no instruction was at fault, the process would go on. To be called once, at the program's start.
  package static func endAfterReport() {
    for number: Int32 in numbers {
      let report: UnsafeMutablePointer<sigaction> = reports + Int(number)
      guard sigaction(number, nil, report) == 0, report.pointee.sa_flags & SA_SIGINFO != 0 else { continue }
      var action: sigaction = report.pointee
      action.__sigaction_handler.sa_sigaction = { number, information, context in
        CrashSignals.report(number, information, context)
      }
      sigaction(number, &action, nil)
    }
  }

  private static func report(
    _ number: Int32, _ information: UnsafeMutablePointer<siginfo_t>?, _ context: UnsafeMutableRawPointer?
  ) {
    reports[Int(number)].__sigaction_handler.sa_sigaction?(number, information, context)
    signal(number, SIG_DFL)
    // Faults have positive codes.
    if let code: Int32 = information?.pointee.si_code, code <= 0 { kill(getpid(), number) }
  }
}
