import KernelInterface

/// The kernels of this build.
package let kernelTable = KernelTable(
  name: buildName,
  tileSum: tileSum,
  laneSum: laneSum,
  biasGradient: biasGradient,
  winogradInput: winogradInput,
  winogradOutput: winogradOutput,
  winogradGradient: winogradGradient,
  winogradKernel: winogradKernel,
  winogradKernelGradient: winogradKernelGradient,
  equalizeWindows: equalizeWindows,
  poolForward: poolForward,
  poolBackward: poolBackward,
  windowPoolForward: windowPoolForward,
  windowPoolBackward: windowPoolBackward,
  activation: activation,
  activationGradient: activationGradient,
  dropoutMask: dropoutMask,
  dropout: dropout,
  productSums: productSums,
  normalize: normalize,
  normalizeGradient: normalizeGradient,
  scatterTransposed: scatterTransposed,
  softmax: softmax,
  add: add,
  sum: sum,
  sgd: sgd,
  adam: adam,
  rmsprop: rmsprop,
  blend: blend,
  squareSums: squareSums,
  hashColumns: hashColumns,
  peak: peak)

#if LOCKSTEP_AVX512
  private let buildName = "avx512"
#elseif LOCKSTEP_AVX2
  private let buildName = "avx2"
#else
  private let buildName = "portable"
#endif
