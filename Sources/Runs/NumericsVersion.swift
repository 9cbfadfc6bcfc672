/// Which numbers this program computes: raised by every change after which a configuration gives other weights.
///
/// Checkpoints and weights carry it as `numerics`; a run can only be continued by a program of the same version.
///
/// | version | what it changed |
/// |---|---|
/// | 1 | files without an entry |
/// | 2 | Winograd's points for 3×3 kernels; 16 → 16 channels are computed by it, too; equal windows give equal results |
package enum NumericsVersion {
  package static let current = 2
  /// The version of files that do not name one.
  package static let unnamed = 1
  /// The metadata entry.
  static let key = "numerics"
}
