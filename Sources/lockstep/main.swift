import Glibc
import Machine

CrashSignals.endAfterReport()
exit(Program.run(Array(CommandLine.arguments.dropFirst())))
