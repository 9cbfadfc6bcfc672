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

extension KernelTable {
  /// The same kernels except one.
  package func changed(
    biasGradient: (@Sendable (BiasGradientArguments) -> Void)? = nil,
    poolBackward: (@Sendable (PoolKind, PoolArguments, UnsafePointer<Int32>, FloatIn, FloatOut) -> Void)? = nil,
    productSums: (@Sendable (ProductSums) -> Void)? = nil
  ) -> KernelTable {
    KernelTable(
      name: "changed", tileSum: tileSum, laneSum: laneSum, biasGradient: biasGradient ?? self.biasGradient,
      winogradInput: winogradInput, winogradOutput: winogradOutput, winogradGradient: winogradGradient,
      winogradKernel: winogradKernel, winogradKernelGradient: winogradKernelGradient,
      equalizeWindows: equalizeWindows, poolForward: poolForward, poolBackward: poolBackward ?? self.poolBackward,
      windowPoolForward: windowPoolForward,
      windowPoolBackward: windowPoolBackward, activation: activation, activationGradient: activationGradient,
      dropoutMask: dropoutMask, dropout: dropout, productSums: productSums ?? self.productSums, normalize: normalize,
      normalizeGradient: normalizeGradient,
      scatterTransposed: scatterTransposed, softmax: softmax, add: add, sum: sum, sgd: sgd, adam: adam,
      rmsprop: rmsprop, blend: blend, squareSums: squareSums, hashColumns: hashColumns, peak: peak)
  }
}
