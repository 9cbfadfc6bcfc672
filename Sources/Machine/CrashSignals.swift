import Glibc

/// Ends a process that crashed, after Swift's runtime has reported the crash.
package enum CrashSignals {
  /// The signals for which the runtime installs its crash report.
  private static let numbers: [Int32] = [SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP]

  /// The runtime's own handlers by signal number.
  ///
  /// Written by `endAfterReport` before other threads start, read by the handler alone.
  nonisolated(unsafe) private static let reports: UnsafeMutablePointer<sigaction> = {
    let actions: UnsafeMutablePointer<sigaction> = .allocate(capacity: 65)
    actions.initialize(repeating: sigaction(), count: 65)
    return actions
  }()

  /// Ensures that a signal sent by `kill` ends the process as a fault does.
  ///
  /// The runtime's handler reports and returns, so that the faulting instruction faults again and the system ends the
  /// process; if no instruction was at fault, the process would continue. Call it once, at the program's start.
  package static func endAfterReport() {
    for number in numbers {
      let report = reports + Int(number)
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
