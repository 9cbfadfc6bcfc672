import Glibc
import Machine

StandardStreams.openMissing()
// A write beyond a limit of file sizes fails instead.
signal(SIGXFSZ, SIG_IGN)
CrashSignals.endAfterReport()
ResourceLimits.economizeAddresses()
exit(Program.run())
