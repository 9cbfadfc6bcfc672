import Glibc
import Machine

StandardStreams.openMissing()
// The write that meets a limit of file sizes fails instead.
signal(SIGXFSZ, SIG_IGN)
CrashSignals.endAfterReport()
ResourceLimits.economizeAddresses()
exit(Program.run())
