import Foundation
import KernelBuilds
import KernelInterface

/// The kernel builds this processor can run.
package var runnableKernels: [KernelTable] {
  KernelBuild.allCases.filter(\.isSupported).compactMap(\.table)
}

/// The build for tests that are not about builds: the one that `LOCKSTEP_KERNELS` names, else the best.
package let testKernels: KernelTable = {
  let variable = "LOCKSTEP_KERNELS"
  do {
    return try KernelBuild.select(ProcessInfo.processInfo.environment[variable], subject: variable)
  } catch {
    fatalError("\(error)")
  }
}()
