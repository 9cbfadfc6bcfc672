/// `target[n · targetStride + unitOffset(u) + l] = source[(16·u + l) · sourceStride + n]` for units u of 16 rows and examples n.
///
/// If `mask` is given, a result is kept only where `relu` lets the gradient of `mask[n · maskStride + 16·u + l]` pass, else it is 0.
package struct TransposeArguments {
  package var units: Int
  package var examples: Int
  package var source: UnsafePointer<Float>
  package var sourceStride: Int
  package var target: UnsafeMutablePointer<Float>
  package var targetStride: Int
  /// Offset of each unit in one example of the target.
  package var unitOffsets: UnsafePointer<Int32>
  package var mask: UnsafePointer<Float>?
  package var maskStride: Int = 0
  package var relu = FusedReLU.unlimited

  package init(
    units: Int, examples: Int, source: UnsafePointer<Float>, sourceStride: Int, target: UnsafeMutablePointer<Float>,
    targetStride: Int, unitOffsets: UnsafePointer<Int32>
  ) {
    self.units = units
    self.examples = examples
    self.source = source
    self.sourceStride = sourceStride
    self.target = target
    self.targetStride = targetStride
    self.unitOffsets = unitOffsets
  }
}
