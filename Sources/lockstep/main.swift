import Glibc
import Machine

CrashSignals.endAfterReport()
ResourceLimits.economizeAddresses()
exit(Program.run(Array(CommandLine.arguments.dropFirst())))
